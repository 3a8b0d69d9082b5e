"""What officials do that the law allows for or answers: nothing, slowly, late, twice, without a reason. For simulated provinces."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting

LOOK = "officers.look"  # when they next act
RECEPTION = "officers.reception"  # what the desk decides
HANDLING = "officers.handling"  # what the handler does
MATCH = ("province", "commune", "procedure", "dossier")
PLANNED_ANEW = "What lies there is planned anew, from the moment at which the rule is off."

SILENT = "officers-silent"
SLOW = "officers-slow"
LATE = "officers-answer-late"
OVERDUE = "overdue-without-apology"
SECOND_REQUEST = "second-supplement-request"
NO_REASON = "refusal-without-reason"

EDGES = {
    SILENT: LOOK,
    SLOW: LOOK,
    LATE: RECEPTION,
    NO_REASON: RECEPTION,
    OVERDUE: HANDLING,
    SECOND_REQUEST: HANDLING,
}
FAULTS = (
    NamedFault(
        *(SILENT, LOOK, "Nobody acts", "Cán bộ không xử lý"),
        "Dossiers stay where they are; withdrawals are not answered.",
        PLANNED_ANEW,
        "ND 61/2018 arts. 19, 21: the clock runs all the same, and the agency answers for what is overdue.",
        MATCH,
        (),
        {"match": {"province": "37"}},
    ),
    NamedFault(
        *(SLOW, LOOK, "Every step takes days longer", "Mỗi bước chậm thêm vài ngày"),
        "Whatever officials do next, they do so many working days later.",
        PLANNED_ANEW,
        "ND 61/2018 art. 19: limits are in working days from reception; what is slow becomes overdue.",
        MATCH,
        (Setting("days", Kind.INTEGER, 3, "working days, added to each step", least=1, most=60),),
        {"match": {"procedure": "2.000635"}, "with": {"days": 2}},
    ),
    NamedFault(
        *(LATE, RECEPTION, "The desk answers late", "Tiếp nhận trễ hạn kiểm tra"),
        "The desk looks at a new dossier only when its time to check it is over by a day or more.",
        PLANNED_ANEW,
        "facts, domain.md 2.2: first answer within 8 working hours, unverified. Late harms the index, not the dossier.",
        MATCH,
        (Setting("days", Kind.INTEGER, 4, "working days after it was filed", least=1, most=60),),
        {},
    ),
    NamedFault(
        *(OVERDUE, HANDLING, "Overdue, and nobody apologises", "Quá hạn mà không xin lỗi"),
        "The result comes days after the promised one; no letter of apology, no new date.",
        PLANNED_ANEW,
        "ND 61/2018 art. 19.9, form 04: the office apologises at the latest a day before, with a new date, once. Here it does not.",
        MATCH,
        (Setting("days", Kind.INTEGER, 2, "working days after the promised one", least=1, most=60),),
        {},
    ),
    NamedFault(
        *(SECOND_REQUEST, HANDLING, "A second request for papers", "Yêu cầu bổ sung lần thứ hai"),
        "Once the citizen has handed in what was missing, more is asked for.",
        PLANNED_ANEW,
        "ND 61/2018 art. 15.3: once and completely. A second request is possible; it counts as overdue and says so.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(NO_REASON, RECEPTION, "Refused, and nobody says why", "Từ chối không nêu rõ lý do"),
        "The desk refuses with a reason that helps nobody.",
        "What was refused stays refused; the next dossier is looked at as usual.",
        "ND 61/2018 art. 17, form 03 of TT 03/2025: a refusal gives its reason. This one gives none that can be acted upon.",
        MATCH,
        (),
        {"match": {"province": "37"}, "probability": 0.5},
    ),
)
