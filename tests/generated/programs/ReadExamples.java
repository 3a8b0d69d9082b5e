import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.File;
import java.time.OffsetDateTime;

/** Reads each message of [{"class", "body"}] into its generated class, and writes it again. */
public class ReadExamples {
  /** The header `ce_type` names the class: nothing is deduced from the members, as Modelina's unions would. */
  @JsonTypeInfo(use = JsonTypeInfo.Id.NONE)
  private interface KnownByHeader {}

  public static void main(String[] arguments) throws Exception {
    ObjectMapper json = JsonMapper.builder()
        .addModule(new JavaTimeModule())
        .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
        .disable(DeserializationFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE) // keeps the offset
        .build();
    for (JsonNode example : json.readTree(new File(arguments[0]))) {
      Class<?> type = Class.forName("contracts." + example.get("class").asText());
      JsonNode body = example.get("body");
      ObjectMapper reader = json.copy().addMixIn(type, KnownByHeader.class);
      JsonNode again = json.readTree(reader.writeValueAsString(reader.treeToValue(body, type)));
      if (!plain(again).equals(plain(body))) {
        throw new AssertionError(type.getSimpleName() + ": " + body + " became " + again);
      }
    }
  }

  /** The same message in one spelling: a null is left out, 15.0 is 15, a time has no zeros at the end of its fraction. */
  private static JsonNode plain(JsonNode node) {
    JsonNodeFactory make = JsonNodeFactory.instance;
    if (node.isObject()) {
      ObjectNode copy = make.objectNode();
      node.properties().forEach(each -> {
        if (!each.getValue().isNull()) copy.set(each.getKey(), plain(each.getValue()));
      });
      return copy;
    }
    if (node.isArray()) {
      ArrayNode copy = make.arrayNode();
      node.forEach(each -> copy.add(plain(each)));
      return copy;
    }
    if (node.isNumber()) return make.textNode(node.decimalValue().stripTrailingZeros().toPlainString());
    boolean isTime = node.isTextual() && node.asText().matches("\\d{4}-\\d\\d-\\d\\dT.*");
    return isTime ? make.textNode(OffsetDateTime.parse(node.asText()).toString()) : node;
  }
}
