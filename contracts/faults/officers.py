"""Faults of simulated officials: they do not act, act slowly or late, ask twice, or give no reason."""

from __future__ import annotations

from contracts.faults.kinds import Kind, NamedFault, Setting
from contracts.sources import one_stop

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
        name=SILENT,
        edge=LOOK,
        title_en="Nobody acts",
        title_vi="Cán bộ không xử lý",
        shows="Dossiers stay in their state; requests for withdrawal are not answered.",
        released=PLANNED_AGAIN,
        teaches=f"{one_stop('arts. 19, 21')}: the limit continues; the agency is responsible for overdue dossiers.",
        match=MATCH,
        example={"match": {"province": "37"}},
    ),
    NamedFault(
        name=SLOW,
        edge=LOOK,
        title_en="Every step takes some days longer",
        title_vi="Mỗi bước chậm thêm vài ngày",
        shows="Officials do every next step some working days later.",
        released=PLANNED_AGAIN,
        teaches=f"{one_stop('art. 19')}: limits count in working days from reception; slow work makes a dossier overdue.",
        match=MATCH,
        settings=(Setting("days", Kind.INTEGER, 3, "working days, added to each step", least=1, most=60),),
        example={"match": {"procedure": "2.000635"}, "with": {"days": 2}},
    ),
    NamedFault(
        name=LATE,
        edge=RECEPTION,
        title_en="The desk checks new dossiers late",
        title_vi="Tiếp nhận trễ hạn kiểm tra",
        shows="The desk checks a new dossier only one day or more after the time limit for the check.",
        released=PLANNED_AGAIN,
        teaches="facts, domain.md 2.2: first reply within 8 working hours, unverified. A late check lowers the "
        "index of the agency only.",
        match=MATCH,
        settings=(Setting("days", Kind.INTEGER, 4, "working days after it was submitted", least=1, most=60),),
    ),
    NamedFault(
        name=OVERDUE,
        edge=HANDLING,
        title_en="Overdue without an apology",
        title_vi="Quá hạn mà không xin lỗi",
        shows="The result comes days after the promised date, without a letter of apology and without a new date.",
        released=PLANNED_AGAIN,
        teaches=f"{one_stop('art. 19.9')}, form 04: at least a day before, the office apologises and sets a new date, "
        "once. Here it does not.",
        match=MATCH,
        settings=(Setting("days", Kind.INTEGER, 2, "working days after the promised date", least=1, most=60),),
    ),
    NamedFault(
        name=SECOND_REQUEST,
        edge=HANDLING,
        title_en="A second request for papers",
        title_vi="Yêu cầu bổ sung lần thứ hai",
        shows="After the citizen has sent the missing papers, the office asks for more.",
        released=PLANNED_AGAIN,
        teaches=f"{one_stop('art. 15.3')}: an office asks once, for everything. A second request counts as overdue.",
        match=MATCH,
    ),
    NamedFault(
        name=NO_REASON,
        edge=RECEPTION,
        title_en="Refused without a reason",
        title_vi="Từ chối không nêu rõ lý do",
        shows="The desk refuses with a reason that explains nothing.",
        released="Refused dossiers stay refused; the next dossier is checked as usual.",
        teaches=f"{one_stop('art. 17')}, form 03 of TT 03/2025: a refusal must give its reason. This one does not help.",
        match=MATCH,
        example={"match": {"province": "37"}, "probability": 0.5},
    ),
)
