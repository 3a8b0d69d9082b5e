"""Rules of the envelope, LT-ENV: what arrived at the door, before anything is known of a dossier."""

from __future__ import annotations

from contracts.gate.rules import Rule, rule
from shared.strict_json import DEPTH, MOST_VALUES

LARGEST = 262_144  # bytes of one message; the largest that the contracts allow, 50 papers and a note, has about 90,000
LARGEST_NUMBER = 2**53 - 1  # above it, programs that read numbers as double precision lose digits
LONGEST_ID = 128  # characters of an id or a source

CE = "CloudEvents 1.0"
KAFKA = "CloudEvents 1.0 Kafka binding 3"
HTTP = "CloudEvents 1.0 HTTP binding 3"
JSON = "RFC 8259"
I_JSON = "RFC 7493"
OURS = "docs/events.md"


def _env(id: str, title: str, title_vi: str, text: str, text_vi: str, source: str, lenient: bool = False) -> Rule:
    return rule(f"LT-ENV-{id}", title, title_vi, text, text_vi, source, stage="envelope", lenient=lenient)


# A table: one rule, its texts in two languages, its source.
# fmt: off
# The body as bytes
NO_BODY = _env("001", "The message has no body", "Thông điệp không có nội dung",
    "Send the event as JSON; an empty record or a tombstone says nothing.",
    "Gửi sự kiện dạng JSON; bản ghi rỗng không có ý nghĩa.", CE)
TOO_LARGE = _env("002", "The message is too large", "Thông điệp quá lớn",
    f"At most {LARGEST:,} bytes; files are handed in by upload or address, never in an event.",
    f"Tối đa {LARGEST:,} byte; tệp được tải lên hoặc gửi địa chỉ, không nằm trong sự kiện.", OURS)
NOT_UTF8 = _env("003", "The text is not UTF-8", "Văn bản không phải UTF-8",
    "Encode the message as UTF-8, without lone surrogates.", "Mã hóa thông điệp bằng UTF-8, không có nửa ký tự.",
    JSON)
BOM = _env("004", "The body begins with a byte order mark", "Nội dung bắt đầu bằng dấu BOM",
    "Write the JSON without the bytes EF BB BF before it.", "Ghi JSON không có ba byte EF BB BF ở đầu.",
    f"{JSON} section 8.1", True)
NOT_JSON = _env("005", "The body is not JSON", "Nội dung không phải JSON", "One JSON object.", "Một đối tượng JSON.",
    JSON)
NOT_AN_OBJECT = _env("006", "The event is not an object", "Sự kiện không phải đối tượng JSON",
    "One JSON object with the attributes of the event, and its body in `data`.",
    "Một đối tượng JSON có các thuộc tính của sự kiện, nội dung ở `data`.", f"{CE} JSON format 3")
TOO_DEEP = _env("007", "The body is nested too deeply", "Nội dung lồng quá sâu",
    f"At most {DEPTH} levels of objects and lists.", f"Tối đa {DEPTH} cấp đối tượng và danh sách.", OURS)
TWICE = _env("008", "A name stands twice in an object", "Một tên xuất hiện hai lần trong đối tượng",
    "Send each name once: parsers differ in which of the two they take.",
    "Mỗi tên gửi một lần: mỗi bộ đọc lấy một giá trị khác nhau.", f"{I_JSON} section 2.3")
TOO_MANY = _env("009", "The body has too many values", "Nội dung có quá nhiều giá trị",
    f"At most {MOST_VALUES:,} values.", f"Tối đa {MOST_VALUES:,} giá trị.", OURS)
NO_NUMBER = _env("010", "A number cannot be read", "Có số không đọc được",
    f"No NaN or Infinity, and nothing above {LARGEST_NUMBER:,}.",
    f"Không có NaN, Infinity, không lớn hơn {LARGEST_NUMBER:,}.", f"{I_JSON} section 2.2")
NUL = _env("011", "A text contains the character NUL", "Văn bản có ký tự NUL",
    "A text without U+0000, which cannot be stored.", "Văn bản không có U+0000, ký tự không lưu được.", OURS, True)
NFD = _env("012", "A text is not in normal form C", "Văn bản không ở dạng chuẩn NFC",
    "Unicode normal form C (NFC): one code point for each Vietnamese letter.",
    "Dạng chuẩn NFC: mỗi chữ tiếng Việt là một mã.", "TCVN 6909:2001; Unicode UAX #15", True)
LIST = _env("013", "The body is a list of events", "Nội dung là một danh sách sự kiện",
    "One event for each message; over HTTP a batch is application/cloudevents-batch+json.",
    "Mỗi thông điệp một sự kiện; qua HTTP, gửi nhiều sự kiện bằng application/cloudevents-batch+json.",
    "fact sheet domain.md 2.7, pattern 5: progress sent in chunks of 10")
JSON_IN_TEXT = _env("014", "The body is JSON inside a text", "Nội dung là JSON nằm trong một chuỗi",
    "An object, not a text that contains one: it was serialised twice.",
    "Một đối tượng, không phải chuỗi chứa đối tượng: đã bị tuần tự hóa hai lần.", f"{CE} JSON format 3.1", True)
COMPRESSED = _env("015", "The body is compressed", "Nội dung bị nén",
    "The JSON as it is. Over Kafka let the producer compress (compression.type).",
    "JSON để nguyên. Qua Kafka, để producer tự nén (compression.type).", OURS)

# How it was sent
NO_CONTENT_TYPE = _env("020", "The content type is missing", "Thiếu kiểu nội dung",
    "content-type: application/json, or application/cloudevents+json for the structured mode.",
    "content-type: application/json, hoặc application/cloudevents+json ở chế độ structured.", CE, True)
OTHER_CONTENT_TYPE = _env("021", "The content type is not JSON", "Kiểu nội dung không phải JSON",
    "application/json, or application/cloudevents+json for the structured mode.",
    "application/json, hoặc application/cloudevents+json ở chế độ structured.", CE)
OTHER_CHARSET = _env("022", "The character set is not UTF-8", "Bộ mã ký tự không phải UTF-8",
    "charset=utf-8, or none.", "charset=utf-8, hoặc không ghi.", f"{JSON} section 8.1", True)
NO_ATTRIBUTES = _env("023", "The message has no CloudEvents attributes", "Thông điệp không có thuộc tính CloudEvents",
    "Headers ce_specversion, ce_id, ce_source, ce_type (over HTTP ce-…), or the structured mode.",
    "Các header ce_specversion, ce_id, ce_source, ce_type (qua HTTP là ce-…), hoặc chế độ structured.", KAFKA)
UNDECLARED = _env("024", "A structured event under another content type",
    "Sự kiện structured nhưng khai kiểu nội dung khác",
    "content-type: application/cloudevents+json, because the body is the whole event.",
    "content-type: application/cloudevents+json, vì nội dung là cả sự kiện.", f"{KAFKA}.3", True)
BATCH = _env("025", "A batch that cannot be split", "Lô sự kiện không tách được",
    "One event for each record; over HTTP a list of 1 to 100 events.",
    "Mỗi bản ghi một sự kiện; qua HTTP là danh sách từ 1 đến 100 sự kiện.", "CloudEvents 1.0 Kafka binding 1.3; HTTP binding 3.3")
HEADER_TWICE = _env("026", "A header stands twice", "Một header xuất hiện hai lần", "Send each ce header once.",
    "Mỗi header ce gửi một lần.", KAFKA)
HEADER_ENCODING = _env("027", "A header cannot be read", "Không đọc được một header",
    "UTF-8; over HTTP percent-encoded where it is not ASCII.",
    "UTF-8; qua HTTP, ký tự ngoài ASCII viết dạng phần trăm.", f"{HTTP}.1.3.2")
BOTH_MODES = _env("028", "Structured mode with ce headers that say otherwise",
    "Chế độ structured nhưng header ce nói khác", "The same values as in the event, or no ce headers.",
    "Cùng giá trị như trong sự kiện, hoặc bỏ header ce.", f"{KAFKA}.3.3", True)
DATA_BASE64 = _env("029", "The body is sent as base64", "Nội dung gửi dạng base64",
    "The JSON object itself in `data`.", "Chính đối tượng JSON ở `data`.", f"{CE} JSON format 3.1", True)
NO_DATA = _env("030", "The event has no data", "Sự kiện không có data", "The body of the event in `data`.",
    "Nội dung sự kiện ở `data`.", f"{CE} JSON format 3.1")

# Attributes
NO_SPECVERSION = _env("040", "specversion is missing", "Thiếu specversion", "1.0", "1.0", f"{CE} section 3.1", True)
SPECVERSION = _env("041", "specversion is not 1.0", "specversion không phải 1.0", "1.0", "1.0", f"{CE} section 3.1",
    True)
NO_ID = _env("042", "The id is missing", "Thiếu id",
    "An id of your own, unique for each event, such as a UUID; the same one when you send it again.",
    "Một id của bạn, riêng cho mỗi sự kiện, ví dụ UUID; gửi lại thì giữ nguyên.", f"{CE} section 3.1")
LONG_ID = _env("043", "The id is too long", "id quá dài", f"At most {LONGEST_ID} characters.",
    f"Tối đa {LONGEST_ID} ký tự.", OURS)
NO_SOURCE = _env("044", "The source is missing", "Thiếu source",
    "Who says it, as a URI reference, such as /systems/ninh-binh.", "Ai gửi, dạng URI, ví dụ /systems/ninh-binh.",
    f"{CE} section 3.1", True)
SOURCE = _env("045", "The source is not a URI reference", "source không phải URI",
    "No spaces and no characters that a URI escapes, such as /systems/ninh-binh.",
    "Không có khoảng trắng và ký tự phải mã hóa, ví dụ /systems/ninh-binh.", "RFC 3986 section 4.1", True)
NO_TYPE = _env("046", "The type is missing", "Thiếu type",
    "Type of the event with its version, such as dossier.received.v1.",
    "Loại sự kiện kèm phiên bản, ví dụ dossier.received.v1.", f"{CE} section 3.1")
UNKNOWN_TYPE = _env("047", "There is no such event type", "Không có loại sự kiện này",
    "One of the types of docs/events.md.", "Một trong các loại ở docs/events.md.", "docs/events.md")
OTHER_VERSION = _env("048", "There is no such version of the event type", "Không có phiên bản này của loại sự kiện",
    "A version that has a contract.", "Một phiên bản có hợp đồng dữ liệu.",
    "contracts/README.md, Versions of an event")
PORTALS_TYPE = _env("049", "Only the portal says this", "Chỉ Cổng mới gửi loại này", "A type that a province says.",
    "Một loại sự kiện của tỉnh.", "docs/events.md")
NO_SUBJECT = _env("050", "The subject is missing", "Thiếu subject", "The code of the dossier.", "Mã hồ sơ.",
    f"{CE} section 3.1; {OURS}", True)
SUBJECT = _env("051", "The subject is not a dossier code", "subject không phải mã hồ sơ",
    "The code of the dossier, such as H42.14464-20261124-0000001.", "Mã hồ sơ, ví dụ H42.14464-20261124-0000001.",
    "fact sheet domain.md 2.4")
OTHER_SUBJECT = _env("052", "Subject and body name different dossiers", "subject và nội dung nêu hai hồ sơ khác nhau",
    "The same dossier code in both.", "Cùng một mã hồ sơ ở hai nơi.", OURS)
NO_TIME = _env("053", "The time is missing", "Thiếu time", "When it happened, RFC 3339 with offset.",
    "Thời điểm xảy ra, RFC 3339 có múi giờ.", f"{OURS}; optional in {CE}", True)
TIME = _env("054", "The time is not RFC 3339", "time không theo RFC 3339", "Such as 2026-11-25T08:00:00+07:00.",
    "Ví dụ 2026-11-25T08:00:00+07:00.", "RFC 3339 section 5.6", True)
NO_KEY = _env("055", "The record has no key", "Bản ghi không có khóa",
    "The dossier code as key: it keeps the events of one dossier in order.",
    "Mã hồ sơ làm khóa: giữ đúng thứ tự sự kiện của một hồ sơ.", f"{KAFKA}.1", True)
OTHER_KEY = _env("056", "The key is not the dossier's", "Khóa không phải của hồ sơ", "The dossier code as key.",
    "Mã hồ sơ làm khóa.", f"{KAFKA}.1", True)
OTHER_PARTITION = _env("057", "The record is on another partition than the dossier's earlier ones",
    "Bản ghi ở partition khác với các bản ghi trước của hồ sơ",
    "One partition for each dossier, so that its events stay in order.",
    "Mỗi hồ sơ một partition để giữ thứ tự sự kiện.", OURS, True)
ATTRIBUTE_NAME = _env("058", "The name of an attribute is not allowed", "Tên thuộc tính không hợp lệ",
    "Lower-case letters a-z and digits only, such as dossierversion.",
    "Chỉ chữ thường a-z và chữ số, ví dụ dossierversion.", f"{CE} section 3", True)
ATTRIBUTE_VALUE = _env("059", "The value of an attribute is not text", "Giá trị thuộc tính không phải chuỗi",
    "A text.", "Một chuỗi.", f"{CE} section 3.2")
DATA_CONTENT_TYPE = _env("060", "datacontenttype is not JSON", "datacontenttype không phải JSON",
    "application/json, or none.", "application/json, hoặc không ghi.", f"{CE} section 3.1", True)
DATA_SCHEMA = _env("061", "dataschema names the schema of another type", "dataschema trỏ đến lược đồ của loại khác",
    "The address of the schema of this type, or none.", "Địa chỉ lược đồ của loại này, hoặc không ghi.",
    f"{CE} section 3.1", True)
OTHER_SANDBOX = _env("062", "The event is for another sandbox", "Sự kiện thuộc sandbox khác",
    "The sandbox whose topic or address it was sent to, or no such attribute.",
    "Sandbox của topic hoặc địa chỉ đã gửi đến, hoặc bỏ thuộc tính này.", OURS)
NUMBERED = _env("063", "An attribute that only this country gives", "Thuộc tính chỉ hệ thống này được gán",
    "None of sequence, epoch, dossierversion: events of outsiders are numbered here.",
    "Không có sequence, epoch, dossierversion: hệ thống này tự đánh số.", OURS, True)
TRACEPARENT = _env("064", "traceparent cannot be read", "Không đọc được traceparent",
    "As W3C Trace Context has it, or none.", "Theo W3C Trace Context, hoặc không ghi.", "W3C Trace Context 3.2", True)
ID_AGAIN = _env("065", "The id was used for another event", "id đã dùng cho sự kiện khác",
    "A new id for a new event; the same id only with the same content.",
    "Sự kiện mới dùng id mới; chỉ dùng lại id khi nội dung y hệt.", f"{CE} section 3.1")
# fmt: on
