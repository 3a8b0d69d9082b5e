"""Rules of the adapter API, LT-ADP: what a verdict on a push records besides the rules of the gate."""

from __future__ import annotations

from contracts.gate.rules import Rule

API = "docs/legacy.md"


ADAPTER_RULES: dict[str, Rule] = {}  # by id, in the order of the table


def _adapter(id: str, title: str, title_vi: str, text: str, text_vi: str, lenient: bool = True) -> Rule:
    rule = Rule(f"LT-ADP-{id}", "contract", title, title_vi, text, text_vi, API, lenient)
    ADAPTER_RULES[rule.id] = rule
    return rule


# fmt: off
# The form of what was pushed
MISSING = _adapter("001", "A field without which there is no dossier is missing", "Thiếu trường bắt buộc",
    "Send this field.", "Gửi trường này.", False)
FORM = _adapter("002", "A field has another form than in the API", "Trường sai dạng",
    "The form of the schema.", "Dạng theo lược đồ.")
TIME_FORM = _adapter("003", "A time is not written as yyyyMMddHHmmss", "Thời điểm không viết dạng yyyyMMddHHmmss",
    "yyyyMMddHHmmss, Vietnamese time; empty if it is unknown.", "yyyyMMddHHmmss, giờ Việt Nam; để trống nếu chưa biết.")
TOO_LONG = _adapter("004", "A text is longer than the API allows", "Văn bản dài quá mức cho phép",
    "The text as far as it is allowed: the rest is cut off.", "Phần trong mức cho phép: phần còn lại bị cắt.")

# What our network asks for, and the API need not say
FOREIGN_CODE = _adapter("010", "The dossier has a code that no agency of ours gives", "Mã hồ sơ không theo mã cơ quan ở đây",
    "Agency, YYMMDD and four or more digits. It is kept beside a code of ours.",
    "Mã cơ quan, YYMMDD và từ bốn chữ số. Mã này được giữ bên cạnh một mã của hệ thống.")
PLACE_GUESSED = _adapter("011", "Which agency decides cannot be told", "Không rõ cơ quan giải quyết",
    "A dossier code that begins with the agency's, or the name of a commune in DonViXuLy.",
    "Mã hồ sơ bắt đầu bằng mã cơ quan, hoặc tên xã, phường trong DonViXuLy.")
NO_PERSON = _adapter("012", "The owner has no number that is invented", "Chủ hồ sơ không có số định danh hư cấu",
    "A number of 12 digits with a serial from 900000 on. Another number is not stored; an invented one stands for it.",
    "Số 12 chữ số có số thứ tự từ 900000. Số khác không được lưu; một số hư cấu thay thế.")
NO_NAME = _adapter("013", "The owner has no name", "Chủ hồ sơ không có tên", "ChuHoSo.", "ChuHoSo.")
ONLINE = _adapter("014", "A dossier of the province's own portal", "Hồ sơ nộp tại cổng của tỉnh",
    "Channel 1 or 3: no event of ours says that a dossier came online to a province. It is taken as handed in.",
    "Kênh 1 hoặc 3: chưa có sự kiện nào nói hồ sơ nộp trực tuyến tại tỉnh. Hồ sơ được ghi nhận là nộp trực tiếp.")
ORGANISATION = _adapter("015", "An owner that is no citizen", "Chủ hồ sơ không phải công dân",
    "An applicant: who handed it in for the organisation is not said. It is taken as its own applicant.",
    "Người nộp thay tổ chức. Tổ chức được ghi nhận như người nộp.")
MOVED = _adapter("016", "A time lies in the future, or before what happened before",
    "Thời điểm ở tương lai hoặc trước sự kiện trước đó",
    "A time from the dossier's last event to the sandbox's present.",
    "Thời điểm từ sự kiện gần nhất đến hiện tại của sandbox.")

# The status
NO_WAY = _adapter("020", "No lawful way leads to this status", "Không có bước hợp lệ dẫn đến trạng thái này",
    "A status to which a lawful way leads. This one is noted, and the dossier stays as it is.",
    "Trạng thái có bước hợp lệ dẫn đến. Trạng thái này được ghi lại, hồ sơ giữ nguyên.")
NO_STATUS = _adapter("021", "There is no such status", "Không có trạng thái này", "1 to 10.", "Từ 1 đến 10.")

# Files
NO_FILE = _adapter("025", "A file cannot be fetched", "Không lấy được tệp",
    "The address of a PDF that this network may call. The dossier is taken without it.",
    "Địa chỉ của một tệp PDF mà mạng này được phép gọi. Hồ sơ được nhận, không có tệp.")

# Insert or update
UPDATED_UNKNOWN = _adapter("030", "An update of a dossier that is not known", "Cập nhật hồ sơ chưa có",
    "isUpdating False for a new dossier. It is taken as one.", "isUpdating False với hồ sơ mới. Hồ sơ được thêm mới.")
INSERTED_KNOWN = _adapter("031", "A new dossier that is known already", "Thêm mới hồ sơ đã tồn tại",
    "isUpdating True for a known dossier.", "isUpdating True với hồ sơ đã có.", False)
# fmt: on
