import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * A province's connector over Kafka: receives dossiers, demands the fee, processes, returns a result.
 *
 * <p>What it says is computed from what it is told, so it keeps no files: told the same again, it says the same again,
 * under the same ids, and gets the verdict `duplicate`. It ends at the first fault of network or gateway: start it again.
 */
public class Connector {
  static final ObjectMapper JSON = new ObjectMapper();
  static final HttpClient HTTP = HttpClient.newHttpClient();
  static final String OFFICER = "Bộ phận Một cửa";

  final JsonNode own = JSON.readTree(Path.of("connector.json").toFile()); // what `lienthong connect --json` prints
  final JsonNode kafka = own.path("kafka");
  final String door = own.path("events").asText().replaceFirst("/events$", "");
  final String catalogue = System.getenv("LIENTHONG_URL") + "/api/v1/procedures/";
  final KafkaProducer<String, String> producer = new KafkaProducer<>(login(), new StringSerializer(), new StringSerializer());

  Connector() throws Exception {}

  public static void main(String[] words) throws Exception {
    new Connector().work();
  }

  Map<String, Object> login() {
    var login = "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";"
        .formatted(kafka.path("user").asText(), kafka.path("password").asText());
    return new HashMap<>(Map.of("bootstrap.servers", kafka.path("bootstrap").asText(), "sasl.jaas.config", login,
        "security.protocol", kafka.path("security_protocol").asText(), "sasl.mechanism", kafka.path("mechanism").asText()));
  }

  void work() throws Exception {
    var settings = login();
    settings.putAll(Map.of("group.id", kafka.path("group_prefix").asText() + ".connector", "auto.offset.reset", "earliest",
        "group.instance.id", "1", // started again, it takes its own place at once
        "enable.auto.commit", false));
    var inbox = kafka.path("inbox").asText();
    try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(inbox, kafka.path("verdicts").asText()));
      System.out.println("connected to " + inbox);
      while (true) {
        for (var record : consumer.poll(Duration.ofSeconds(60))) {
          if (record.topic().equals(inbox)) answer(record);
          else show(JSON.readTree(record.value()));
        }
        producer.flush();
        consumer.commitSync(); // only after everything was said
      }
    }
  }

  void answer(ConsumerRecord<String, String> record) throws Exception {
    var told = (ObjectNode) JSON.readTree(record.value());
    told.put("time", header(record, "ce_time"));
    switch (header(record, "ce_type")) {
      case "dossier.submitted.v1" -> receive(told);
      case "payment.confirmed.v1" -> finish(told);
      default -> {}
    }
  }

  void receive(JsonNode told) throws Exception {
    String time = told.path("time").asText(), on = time.substring(0, 10), channel = told.path("channel").asText();
    var address = catalogue + told.path("procedure").asText();
    var cases = call("GET", address + "?on=" + on, BodyPublishers.noBody()).path("cases");
    var chosen = cases.get(0);
    for (var each : cases) if (each.path("code").equals(told.path("case"))) chosen = each;
    var limit = chosen.path("limits").path(channel);
    say(told, "dossier.received.v1", Map.of("received_at", time.substring(0, 19) + "+07:00", // before the result
        "due_at", due(time, limit), "working_days", limit.path("value").asDouble(), "officer", OFFICER));
    var query = "?on=%s&province=%s&channel=%s&case=%s&payer_group=%s".formatted(on, told.path("province").asText(),
        channel, chosen.path("code").asText(), told.path("payer_group").asText("ordinary"));
    var fee = call("GET", address + "/fee" + query, BodyPublishers.noBody()).path("total_dong").asLong();
    if (fee == 0) finish(told);
    else say(told, "dossier.fee_demanded.v1", Map.of("fee_dong", fee, "demanded_at", time)); // payment.confirmed.v1 follows
  }

  void finish(JsonNode told) throws Exception {
    String time = told.path("time").asText(), code = told.path("dossier_code").asText(), address = door + "/dossiers/" + code;
    say(told, "dossier.processing_started.v1", Map.of("started_at", time, "officer", OFFICER));
    call("PUT", address + "/result", BodyPublishers.ofFile(Path.of("../result.pdf")));
    var number = code.substring(code.lastIndexOf('-') + 1) + "/KQ";
    say(told, "dossier.result_ready.v1",
        Map.of("ready_at", time, "on_time", true, "result_number", number, "officer", OFFICER));
    var dossier = call("GET", address, BodyPublishers.noBody()); // a real system has this in its own database
    var channel = dossier.path("return_by").asText("online");
    say(told, "dossier.result_returned.v1",
        Map.of("returned_at", time, "channel", channel.equals("null") ? "online" : channel));
  }

  /** Sends a message in binary mode, whose id names dossier and step. */
  void say(JsonNode told, String type, Map<String, Object> facts) throws Exception {
    var code = told.path("dossier_code").asText();
    var data = new HashMap<>(facts);
    for (var name : List.of("dossier_code", "province", "procedure")) data.put(name, told.path(name).asText());
    var record = new ProducerRecord<>(kafka.path("outbox").asText(), code, JSON.writeValueAsString(data));
    Map.of("ce_specversion", "1.0", "ce_id", code + "/" + type, "ce_source", "/connectors/java-kafka", "ce_type", type,
            "ce_subject", code, "ce_time", told.path("time").asText(), "content-type", "application/json")
        .forEach((name, value) -> record.headers().add(name, value.getBytes(StandardCharsets.UTF_8)));
    producer.send(record).get(); // raises what the broker refuses
  }

  void show(JsonNode verdict) {
    System.out.printf("%s: %s of %s%n", verdict.path("outcome").asText(), verdict.path("type").asText(),
        verdict.path("dossier").asText());
    for (var error : verdict.path("errors"))
      System.out.printf("  %s at %s: %s. Expected: %s%n", error.path("rule").asText(), error.path("pointer").asText(),
          error.path("title").asText(), error.path("expected").asText());
  }

  /** The closing time of the last day of a limit in working days: Monday to Friday, without DAYS_OFF. */
  static String due(String time, JsonNode limit) {
    var day = LocalDate.parse(time.substring(0, 10));
    var isToday = limit.path("unit").asText().equals("same_day") && works(day) && time.substring(11, 13).compareTo("15") < 0;
    for (var days = isToday ? 0 : limit.path("value").asInt(); days > 0; ) {
      day = day.plusDays(1);
      if (works(day)) days--;
    }
    return day + "T17:00:00+07:00";
  }

  static boolean works(LocalDate day) {
    return day.getDayOfWeek().getValue() < 6 && !System.getenv().getOrDefault("DAYS_OFF", "").contains(day.toString());
  }

  /** Asks over HTTP. 409 to a result: it was announced by an earlier run. */
  JsonNode call(String method, String address, BodyPublisher body) throws Exception {
    var request = HttpRequest.newBuilder(URI.create(address)).method(method, body)
        .header("X-Sandbox", own.path("sandbox").asText()).header("Content-Type", "application/pdf");
    if (address.startsWith(door)) request.header("Authorization", "Bearer " + own.path("key").asText()); // not the catalogue
    var response = HTTP.send(request.build(), BodyHandlers.ofString());
    var isKnown = response.statusCode() == 409 && method.equals("PUT");
    if (response.statusCode() >= 300 && !isKnown)
      throw new IllegalStateException(method + " " + address + ": " + response.statusCode() + " " + response.body());
    return JSON.readTree(response.body());
  }

  static String header(ConsumerRecord<String, String> record, String name) {
    return new String(record.headers().lastHeader(name).value(), StandardCharsets.UTF_8);
  }
}
