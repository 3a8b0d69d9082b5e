"""Rules of the law, LT-LAW: what a province may say of this dossier, at this time, and whether it is true."""

from __future__ import annotations

from contracts import lifecycle as law
from contracts.gate.rules import Rule, rule
from contracts.lifecycle import Need
from contracts.sources import PERSONAL_NUMBER, WITHIN_THE_PROVINCE, one_stop

LEAST_REASON = 10  # characters of a reason that says something; our choice, the law says "clearly"
CUT_AT = 1000  # characters at which one provincial system cuts a subject

TABLE = "docs/lifecycle.md"
OURS = "docs/events.md"
ODD = "fact sheet domain.md 2.7, pattern"
UNITS = "Resolution 202/2025/QH15; contracts/data/commune_mapping.csv"
CATALOGUE = "contracts/data/procedures.csv"
FEE_LIST = f"{law.FEES}; contracts/data/fees.csv"
DUE = f"{one_stop('arts. 18, 19')}; docs/working-time.md"
CODES = "fact sheet domain.md 2.4"
INDEX = "QĐ 766/2022; fact sheet domain.md 2.3"


def _law(id: str, title: str, title_vi: str, text: str, text_vi: str, source: str, lenient: bool = False) -> Rule:
    return rule(f"LT-LAW-{id}", title, title_vi, text, text_vi, source, stage="law", lenient=lenient)


# A table: one rule, its texts in two languages, its source.
# fmt: off
# The dossier and the move
UNKNOWN_DOSSIER = _law("001", "No such dossier is known", "Không có hồ sơ này",
    "The code of a dossier that was delivered to you, in the sandbox of this door.",
    "Mã của hồ sơ đã được chuyển cho bạn, trong sandbox của cổng này.", OURS)
OTHER_PROVINCE = _law("002", "The dossier belongs to another province", "Hồ sơ thuộc tỉnh khác",
    "A dossier of the province whose door this is.", "Hồ sơ của tỉnh có cổng này.", WITHIN_THE_PROVINCE)
KNOWN_ALREADY = _law("003", "The dossier is known already", "Hồ sơ đã có",
    "A code of your own that no dossier has yet.", "Mã mới của bạn, chưa có hồ sơ nào dùng.", CODES)
BODY_PROVINCE = _law("004", "The body names another province", "Nội dung nêu tỉnh khác",
    "The province whose door this is.", "Tỉnh có cổng này.", OURS, True)
BODY_PROCEDURE = _law("005", "The body names another procedure", "Nội dung nêu thủ tục khác",
    "The procedure of the dossier.", "Thủ tục của hồ sơ.", OURS, True)
NOT_LAWFUL = _law("006", "The law knows no such move in this state", "Trạng thái này không cho phép thao tác đó",
    "An event that is lawful now.", "Sự kiện hợp lệ lúc này.", TABLE)
SKIPS = _law("007", "The moves between are missing", "Thiếu các bước ở giữa", "First the events that lead there.",
    "Trước hết là các sự kiện dẫn đến đó.", TABLE)
ENDED = _law("008", "The dossier has ended", "Hồ sơ đã kết thúc",
    "Nothing more; only an open request to withdraw is still answered.",
    "Không gửi gì thêm; chỉ còn trả lời yêu cầu rút hồ sơ đang mở.", TABLE)
SAID_ALREADY = _law("009", "This was said before", "Đã nói điều này trước đó",
    "Each event once; to send it again, use the same id.", "Mỗi sự kiện một lần; gửi lại thì dùng đúng id cũ.", TABLE)
PAUSED_AS_FINISHED = _law("010", "A paused or stopped dossier is sent as finished",
    "Hồ sơ tạm dừng hoặc dừng bị gửi là đã xong",
    "The state as it is: statuses 5, 6 and 8 are not 9, and a pause is not an end.",
    "Đúng trạng thái: 5, 6, 8 không phải 9, tạm dừng không phải kết thúc.", f"{ODD} 1")
STATUS_CODE = _law("011", "The status number is another than that of the event",
    "Mã trạng thái không khớp với sự kiện",
    "The code from 1 to 10 of the state that the event leads to, or no such member.",
    "Mã từ 1 đến 10 của trạng thái sau sự kiện, hoặc bỏ thành phần này.", f"{ODD} 6: status 3 becomes 11", True)

# Times
BEFORE_LAST = _law("040", "It happened before the dossier's last event", "Xảy ra trước sự kiện gần nhất của hồ sơ",
    "A time from the last event on.", "Thời điểm từ sự kiện gần nhất trở đi.", OURS, True)
IN_FUTURE = _law("041", "It happened in the future", "Xảy ra ở tương lai",
    "At the latest the sandbox's present time.", "Muộn nhất là thời điểm hiện tại của sandbox.", OURS, True)
TIME_ORDER = _law("042", "Two times are in the wrong order", "Hai mốc thời gian sai thứ tự", "The earlier one first.",
    "Mốc trước phải sớm hơn.", TABLE)
ENVELOPE_EARLIER = _law("043", "The event is older than what it reports", "Sự kiện có trước điều nó báo",
    "A `time` that is not before the time in the body.", "`time` không sớm hơn thời điểm trong nội dung.",
    "CloudEvents 1.0 section 3.1", True)
DIGIT_TIME = _law("044", "A time is written as yyyyMMddHHmmss", "Thời điểm viết dạng yyyyMMddHHmmss",
    "RFC 3339 with an offset.", "RFC 3339 có múi giờ.", "fact sheet integration.md: the older interfaces", True)
NO_CALENDAR = _law("045", "The list of days off does not reach this time", "Lịch nghỉ chưa có cho thời điểm này",
    "A time in 2025 to 2027.", "Thời điểm trong các năm 2025 đến 2027.", "docs/working-time.md")
ZERO_DAYS = _law("046", "Finished at the moment of its reception", "Xong đúng lúc tiếp nhận",
    "The time at which the result was signed, not that of the reception.",
    "Thời điểm ký kết quả, không phải thời điểm tiếp nhận.", f"{ODD} 3: handling time 0 days", True)
NO_DUE_DATE = _law("047", "A dossier without a due date is sent as finished",
    "Hồ sơ không có ngày hẹn bị gửi là đã xong", "First the reception with its due date.",
    "Trước hết tiếp nhận và hẹn ngày trả.", f"{ODD} 2")
ZERO_ONE = _law("048", "Yes or no is written as 0 or 1", "Đúng sai viết là 0 hoặc 1", "true or false.",
    "true hoặc false.", f"{ODD} 5: marked 0/1", True)

# Texts for people
EMPTY = _law("050", "A text has no visible character", "Văn bản không có ký tự nhìn thấy được",
    "A text that people can read.", "Văn bản người dân đọc được.", law.REFUSAL)
FILLER = _law("051", "A filler word stands for a text", "Từ lấp chỗ thay cho nội dung", "What it is about, in words.",
    "Nội dung thật, bằng lời.", f"{ODD} 5: filled with a filler word")
SHORT = _law("052", "A reason is too short to say why", "Lý do quá ngắn",
    f"Why, in at least {LEAST_REASON} characters.", f"Nêu rõ vì sao, ít nhất {LEAST_REASON} ký tự.", law.REFUSAL)
CUT = _law("053", "A text ends exactly where a system cuts it", "Văn bản bị cắt đúng ở giới hạn",
    f"The whole text in fewer characters: 500 or {CUT_AT:,} look cut.",
    f"Cả nội dung, ngắn hơn: đúng 500 hoặc {CUT_AT:,} ký tự là dấu hiệu bị cắt.", f"{ODD} 5: cut at 1,000 characters",
    True)
CONTROLS = _law("054", "A text has characters that are not shown", "Văn bản có ký tự không hiển thị",
    "Text without control characters and marks of direction.", "Không có ký tự điều khiển, dấu đổi chiều.",
    "RFC 8264 section 9.11", True)
OFFICER = _law("055", "Nobody is named as the officer", "Không nêu cán bộ thực hiện",
    "The desk or the person who did it.", "Bộ phận hoặc người thực hiện.", one_stop("art. 17"))

# Supplements
NO_ITEMS = _law("060", "A supplement is requested without saying what", "Yêu cầu bổ sung nhưng không nêu gì",
    "At least one item, complete in one request.", "Ít nhất một mục, nêu đủ trong một lần.", law.SUPPLEMENT_AT_DESK)
REQUEST_NUMBER = _law("061", "The number of the request is wrong", "Số lần yêu cầu sai",
    "The next number of this dossier.", "Số tiếp theo của hồ sơ.", law.SUPPLEMENT_AT_DESK, True)
OVERDUE_MARK = _law("062", "counts_as_overdue does not fit the number of the request",
    "counts_as_overdue không khớp số lần yêu cầu", "false for the first request, true for later ones.",
    "false cho lần đầu, true cho các lần sau.", law.SECOND_REQUEST, True)
SECOND_REQUEST = _law("063", "A second supplement is requested", "Yêu cầu bổ sung lần thứ hai",
    "One request that is complete; decide with the papers that were sent.",
    "Một lần và đầy đủ; quyết định theo giấy tờ đã nộp.", law.SECOND_REQUEST, True)
ANSWER_BY = _law("064", "The time to answer ends before the next working day",
    "Hạn bổ sung hết trước ngày làm việc kế tiếp", "At least one working day.", "Ít nhất một ngày làm việc.",
    law.SUPPLEMENT_AT_DESK, True)
OTHER_COMPONENT = _law("065", "The case has no such paper", "Trường hợp này không có thành phần đó",
    "The code of a paper of this case, or the text alone.", "Mã thành phần của trường hợp, hoặc chỉ ghi nội dung.",
    CATALOGUE, True)

# Money
FEE_UNKNOWN = _law("070", "The catalogue knows no such fee", "Danh mục không có khoản này",
    "Only what the catalogue has for this case, place, channel and payer; a tax with its notice.",
    "Chỉ khoản danh mục quy định cho trường hợp, nơi, hình thức, người nộp này; thuế kèm thông báo.", FEE_LIST, True)
FEE_AMOUNT = _law("071", "The fee is another amount", "Mức thu khác danh mục", "The amount of the catalogue.",
    "Mức theo danh mục.", FEE_LIST)
FEE_SUM = _law("072", "The items do not add up to the fee", "Các khoản cộng lại không bằng tổng",
    "fee_dong is the sum of the items.", "fee_dong là tổng các khoản.", law.FEES, True)
DEMAND_NUMBER = _law("073", "The number of the demand is wrong", "Số của yêu cầu nộp sai",
    "The next number of this dossier.", "Số tiếp theo của hồ sơ.", OURS, True)
MOMENT = _law("074", "The moment of the fee does not fit the state", "Thời điểm thu không khớp trạng thái",
    "The moment that belongs to this state.", "Thời điểm ứng với trạng thái này.", "fact sheet domain.md 7", True)
REPLACES = _law("075", "`replaces` is not the open demand", "`replaces` không phải khoản đang mở",
    "The number of the demand that this one corrects.", "Số của khoản được sửa.", OURS, True)
TAX_NOTICE = _law("076", "A tax is demanded without its notice", "Yêu cầu nộp thuế nhưng không có thông báo",
    "The number of the tax office's notice.", "Số thông báo của cơ quan thuế.", "fact sheet domain.md 5")
FEE_ZERO = _law("077", "A fee of 0 is demanded", "Yêu cầu nộp 0 đồng",
    "An amount above 0; where nothing is owed, nothing is demanded.",
    "Số tiền lớn hơn 0; không phải nộp thì không yêu cầu.", law.FEES)
FEE_TWICE = _law("078", "The fee was paid already", "Khoản này đã nộp", "Each fee once.", "Mỗi khoản thu một lần.",
    law.FEES)
OTHER_DEMAND = _law("079", "Another demand is open", "Khoản đang mở là khoản khác", "The number of the open demand.",
    "Số của khoản đang mở.", OURS, True)
OTHER_AMOUNT = _law("080", "The amount is not what was demanded", "Số tiền khác khoản đã yêu cầu",
    "The amount of the open demand.", "Số tiền của khoản đang mở.", law.FEES)
RECEIPTS = _law("081", "The receipts do not add up to the amount", "Biên lai cộng lại không bằng số tiền",
    "A receipt for each kind of fee, in sum the amount.", "Mỗi loại khoản thu một biên lai, tổng bằng số tiền.",
    "fact sheet domain.md 7: one receipt for phí, one for lệ phí")
REFUND = _law("082", "More is refunded than was paid", "Hoàn nhiều hơn số đã nộp", "At most what is held.",
    "Tối đa số đang giữ.", law.FEES)
PAID_SO_FAR = _law("083", "paid_dong is not what was paid", "paid_dong không đúng số đã nộp",
    "What the dossier has paid so far.", "Số hồ sơ đã nộp đến nay.", OURS, True)

# Deadlines and the result
DUE_DATE = _law("090", "The due date is not as the law counts it", "Ngày hẹn trả không đúng cách tính",
    "The last moment of the time limit, counted from the reception.",
    "Thời điểm cuối của thời hạn, tính từ lúc tiếp nhận.", DUE, True)
WORKING_DAYS = _law("091", "working_days is not the catalogue's", "working_days khác danh mục",
    "The time limit of the case in working days.", "Thời hạn của trường hợp, tính ngày làm việc.", CATALOGUE, True)
LIMIT = _law("092", "The time limit is not the catalogue's", "Thời hạn khác danh mục", "The time limit of the case.",
    "Thời hạn của trường hợp.", CATALOGUE, True)
FORWARD_BY = _law("093", "forward_by is not as the law counts it", "forward_by không đúng cách tính",
    "The same working day; received after 15:00, the next.",
    "Trong ngày làm việc; tiếp nhận sau 15 giờ thì ngày kế tiếp.", law.FORWARDING, True)
CASE = _law("094", "The procedure has no such case", "Thủ tục không có trường hợp này", "A case of the procedure.",
    "Một trường hợp của thủ tục.", CATALOGUE, True)
VERSION = _law("095", "This version of the procedure is not in force", "Phiên bản thủ tục không có hiệu lực",
    "The version in force on that day.", "Phiên bản có hiệu lực vào ngày đó.",
    "contracts/data/procedure_versions.csv", True)
PREVIOUS_DUE = _law("096", "previous_due_at is not the dossier's due date",
    "previous_due_at không phải ngày hẹn của hồ sơ", "The due date that was promised.", "Ngày hẹn đã ghi.",
    law.APOLOGY, True)
NEW_DUE = _law("097", "The new due date is no working time", "Ngày hẹn mới không phải giờ làm việc",
    "A moment at which the office is open.", "Thời điểm cơ quan làm việc.", DUE, True)
RESUMED_DUE = _law("098", "The due date after the pause is not as it counts",
    "Ngày hẹn sau tạm dừng không đúng cách tính", "As the pause of the dossier counts.",
    "Theo cách tính tạm dừng của hồ sơ.", DUE, True)
PAUSE = _law("099", "The pause counts in another way", "Cách tính tạm dừng khác",
    "The way that was set at the reception; waiting for money is subtracted.",
    "Cách đã ghi khi tiếp nhận; thời gian chờ nộp tiền được trừ.", DUE, True)
ON_TIME = _law("100", "on_time is not true to the due date", "on_time không đúng với ngày hẹn",
    "true until the due date, false after it or after two requests.",
    "true đến ngày hẹn, false khi quá hạn hoặc đã yêu cầu bổ sung hai lần.", INDEX, True)
TIMELINESS = _law("101", "timeliness is not true to the due date", "timeliness không đúng với ngày hẹn",
    "early, on_time or overdue, by the due date.", "early, on_time hoặc overdue, theo ngày hẹn.", INDEX, True)
SUPPLEMENT_COUNT = _law("102", "supplement_requests is not their number", "supplement_requests không đúng số lần",
    "How many supplements were requested.", "Số lần đã yêu cầu bổ sung.", INDEX, True)
RESULT_NUMBER = _law("103", "The result has no number of its own", "Kết quả không có số riêng",
    "The number of the paper that was signed; not the code of the dossier.",
    "Số của văn bản đã ký; không phải mã hồ sơ.", law.HANDLING)
NO_RESULT_FILE = _law("104", "The procedure demands an electronic result", "Thủ tục yêu cầu kết quả điện tử",
    "Hand in its file first: PUT …/dossiers/CODE/result, or `lienthong trigger … --result FILE`.",
    "Gửi tệp kết quả trước: PUT …/dossiers/CODE/result, hoặc `lienthong trigger … --result FILE`.",
    "ND 45/2020; fact sheet domain.md 5: result file compulsory")
RETURN_CHANNEL = _law("105", "Returned through another channel than asked for", "Trả qua hình thức khác yêu cầu",
    "The channel that the citizen chose.", "Hình thức người dân đã chọn.", law.RETURNING, True)

# Places, and dossiers handed in at the counter
OLD_COMMUNE = _law("110", "The code of a commune from before the merger", "Mã xã trước sáp nhập",
    "The code of its successor.", "Mã của đơn vị kế tiếp.", UNITS, True)
SPLIT_COMMUNE = _law("111", "The code of a commune that was divided", "Mã xã đã bị chia", "One of its successors.",
    "Một trong các đơn vị kế tiếp.", UNITS)
NO_COMMUNE = _law("112", "There is no such commune", "Không có xã này", "One of the 3,321 codes.",
    "Một trong 3.321 mã.", "contracts/data/communes.csv")
OLD_PROVINCE = _law("113", "The code of a province from before the merger", "Mã tỉnh trước sáp nhập",
    "The code of its successor.", "Mã của tỉnh kế tiếp.", UNITS, True)
NO_PROVINCE = _law("114", "There is no such province", "Không có tỉnh này", "One of the 34 codes.",
    "Một trong 34 mã.", "contracts/data/provinces.csv")
COMMUNE_ELSEWHERE = _law("115", "The commune belongs to another province", "Xã thuộc tỉnh khác",
    "A commune of the province beside it.", "Một xã của tỉnh nêu cùng.", "contracts/data/communes.csv")
LEVEL = _law("116", "Another level handles this procedure", "Thủ tục thuộc cấp khác",
    "A commune for procedures of communes, none (null) for those of the province.",
    "Nêu xã với thủ tục cấp xã, để null với thủ tục cấp tỉnh.", CATALOGUE)
PROCEDURE = _law("117", "The catalogue has no such procedure", "Danh mục không có thủ tục này",
    "A procedure of the catalogue.", "Một thủ tục của danh mục.", CATALOGUE)
NOT_IN_FORCE = _law("118", "The procedure is not in force", "Thủ tục không có hiệu lực",
    "A procedure that is in force on that day.", "Thủ tục có hiệu lực vào ngày đó.",
    "contracts/data/procedure_versions.csv")
RECEPTION = _law("120", "This desk does not receive the procedure", "Nơi này không tiếp nhận thủ tục",
    "A desk of the province, where the procedure does not depend on the place; otherwise the agency's own.",
    "Bộ phận trong tỉnh nếu phi địa giới; nếu không, đúng cơ quan giải quyết.", WITHIN_THE_PROVINCE)
CODE_AGENCY = _law("121", "The dossier code does not begin with the agency's identifier",
    "Mã hồ sơ không bắt đầu bằng mã cơ quan",
    "The identifier of the agency that decides, such as H42.14464; no random digits.",
    "Mã cơ quan giải quyết, ví dụ H42.14464; không phải số ngẫu nhiên.", f"{ODD} 4: a random five-digit sequence")
CODE_DATE = _law("122", "The dossier code has another day", "Ngày trong mã hồ sơ khác ngày nhận",
    "The day of the registration.", "Ngày đăng ký.", CODES, True)
CODE_FORM = _law("123", "The dossier code has the portal's form", "Mã hồ sơ theo dạng của Cổng",
    "YYMMDD and four or more digits: eight and seven digits are the portal's.",
    "YYMMDD và từ bốn chữ số: dạng tám và bảy chữ số là của Cổng.", CODES, True)
REAL_PERSON = _law("124", "The number could belong to a real person", "Số này có thể của người thật",
    "An invented number.", "Số được đặt ra.", PERSONAL_NUMBER)
CAPACITY = _law("125", "Owner and capacity do not fit", "Chủ hồ sơ và tư cách nộp không khớp",
    "An owner exactly if the applicant acts for somebody else.", "Nêu chủ hồ sơ khi và chỉ khi nộp thay.", OURS)
PAYER_GROUP = _law("126", "There is no such group of payers", "Không có nhóm người nộp này",
    "A group of the catalogue.", "Một nhóm của danh mục.", "contracts/data/payer_groups.csv", True)
FROM_UNIT = _law("127", "It was received at another desk", "Nơi tiếp nhận là nơi khác", "The desk that received it.",
    "Nơi đã tiếp nhận.", law.FORWARDING, True)
TO_UNIT = _law("128", "Another unit is competent", "Cơ quan có thẩm quyền là nơi khác", "The unit that decides.",
    "Cơ quan giải quyết.", law.FORWARDING, True)
# fmt: on

# Need of the lifecycle table → its rule. That the fee is known needs none: an event that demands it names it.
NEEDS: dict[Need, Rule] = {
    need: _law(
        f"{20 + number:03}", f"Not met: {need.en}", f"Chưa đáp ứng: {need.vi}",
        need.en[0].upper() + need.en[1:] + ".", need.vi[0].upper() + need.vi[1:] + ".", need.law,
    )
    for number, need in {
        0: law.HANDED_OVER,
        1: law.RECEIVED_ELSEWHERE,
        2: law.RECEIVED_BEFORE,
        3: law.NEVER_RECEIVED,
        4: law.STARTED_BEFORE,
        5: law.NEVER_STARTED,
        6: law.PAYMENT,
        7: law.OPEN_DEMAND,
        8: law.ANSWER,
        9: law.ANSWER_OR_PAPERS,
        10: law.REQUESTS_LEFT,
        11: law.TIME_TO_VERIFY,
        12: law.FIRST_APOLOGY,
        13: law.TIME_TO_APOLOGISE,
        14: law.WITHDRAWAL_ASKED,
    }.items()
}  # fmt: skip
