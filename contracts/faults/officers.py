"""Faults of simulated officials, which the law foresees: they do not act, act slowly or late, ask twice, give no reason."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting

LOOK = "officers.look"  # when the next action is planned
RECEPTION = "officers.reception"  # when the desk decides
HANDLING = "officers.handling"  # when the handler acts
MATCH = ("province", "commune", "procedure", "dossier")
PLANNED_AGAIN = "Waiting dossiers are planned again, from the moment at which the rule is switched off."

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
        "Dossiers stay in their state; requests for withdrawal are not answered.",
        PLANNED_AGAIN,
        "ND 61/2018 arts. 19, 21: the time limit continues, and the agency is responsible for overdue dossiers.",
        MATCH,
        (),
        {"match": {"province": "37"}},
    ),
    NamedFault(
        *(SLOW, LOOK, "Every step takes some days longer", "Mỗi bước chậm thêm vài ngày"),
        "Officials do every next step some working days later.",
        PLANNED_AGAIN,
        "ND 61/2018 art. 19: limits count in working days from reception; slow work makes a dossier overdue.",
        MATCH,
        (Setting("days", Kind.INTEGER, 3, "working days, added to each step", least=1, most=60),),
        {"match": {"procedure": "2.000635"}, "with": {"days": 2}},
    ),
    NamedFault(
        *(LATE, RECEPTION, "The desk checks new dossiers late", "Tiếp nhận trễ hạn kiểm tra"),
        "The desk checks a new dossier only one day or more after the time limit for the check.",
        PLANNED_AGAIN,
        "facts, domain.md 2.2: first reply within 8 working hours, unverified. A late check lowers the index of the agency only.",
        MATCH,
        (Setting("days", Kind.INTEGER, 4, "working days after it was submitted", least=1, most=60),),
        {},
    ),
    NamedFault(
        *(OVERDUE, HANDLING, "Overdue without an apology", "Quá hạn mà không xin lỗi"),
        "The result comes days after the promised date, without a letter of apology and without a new date.",
        PLANNED_AGAIN,
        "ND 61/2018 art. 19.9, form 04: at least a day before, the office apologises and sets a new date, once. Here it does not.",
        MATCH,
        (Setting("days", Kind.INTEGER, 2, "working days after the promised date", least=1, most=60),),
        {},
    ),
    NamedFault(
        *(SECOND_REQUEST, HANDLING, "A second request for papers", "Yêu cầu bổ sung lần thứ hai"),
        "After the citizen has sent the missing papers, the office asks for more.",
        PLANNED_AGAIN,
        "ND 61/2018 art. 15.3: an office asks once, for everything. A second request is possible; it counts as overdue.",
        MATCH,
        (),
        {},
    ),
    NamedFault(
        *(NO_REASON, RECEPTION, "Refused without a reason", "Từ chối không nêu rõ lý do"),
        "The desk refuses with a reason that explains nothing.",
        "Refused dossiers stay refused; the next dossier is checked as usual.",
        "ND 61/2018 art. 17, form 03 of TT 03/2025: a refusal must give its reason. This one gives no reason that helps.",
        MATCH,
        (),
        {"match": {"province": "37"}, "probability": 0.5},
    ),
)
