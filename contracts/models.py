"""Events as pydantic models, generated from events/ by `make contracts`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from contracts.instant import Instant


class Item(BaseModel):
    """
    One item of the demand.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    kind: Literal["service_fee", "registration_fee", "tax"]
    name: Annotated[str, Field(max_length=250, min_length=1)]
    amount_dong: Annotated[StrictInt, Field(ge=0)]


class DossierFeeDemanded(BaseModel):
    """
    The dossier waits until the citizen has paid this fee.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    fee_dong: Annotated[StrictInt, Field(ge=0)]
    demanded_at: Instant
    demand: Annotated[StrictInt | None, Field(ge=1)] = None
    moment: Literal["at_reception", "at_supplement", "at_result", "obligation"] | None = None
    items: Annotated[list[Item] | None, Field(max_length=20, min_length=1)] = None
    pay_by: Instant | None = None
    notice_number: Annotated[str | None, Field(max_length=60, min_length=1)] = None
    replaces: Annotated[StrictInt | None, Field(ge=1)] = None


class Receipt(BaseModel):
    """
    One receipt; phí and lệ phí have separate ones.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    kind: Literal["service_fee", "registration_fee", "tax"]
    series: Annotated[str, Field(max_length=60, min_length=1)]
    number: Annotated[StrictInt, Field(ge=1)]
    amount_dong: Annotated[StrictInt, Field(ge=0)]


class DossierFeePaid(BaseModel):
    """
    The office has taken the money itself: at the counter, or by transfer.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    demand: Annotated[StrictInt, Field(ge=1)]
    amount_dong: Annotated[StrictInt, Field(ge=0)]
    method: Literal["counter", "transfer"]
    receipts: Annotated[list[Receipt], Field(max_length=3)]
    paid_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class DossierFeeWaived(BaseModel):
    """
    The office cancels a demand: the payer is exempt, or the demand was a mistake. What was paid online for it is refunded.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    demand: Annotated[StrictInt, Field(ge=1)]
    amount_dong: Annotated[StrictInt, Field(ge=0)]
    reason: Annotated[str, Field(max_length=500, min_length=1)]
    waived_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class FromUnit(BaseModel):
    """
    Desk that received it.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    commune: Annotated[str | None, Field(pattern="^[0-9]{5}$")]


class ToUnit(BaseModel):
    """
    The competent unit.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    commune: Annotated[str | None, Field(pattern="^[0-9]{5}$")]


class DossierHandedOver(BaseModel):
    """
    The desk that received it has handed the dossier to the competent unit.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    from_unit: Annotated[FromUnit, Field(description="Desk that received it.")]
    to_unit: Annotated[ToUnit, Field(description="The competent unit.")]
    handed_over_at: Instant
    forward_by: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class DossierProcessingResumed(BaseModel):
    """
    What the dossier waited for has arrived; its clock runs again.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    resumed_at: Instant
    due_at: Instant
    pause: Literal["anew", "shift", "subtract"]
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    at_desk: StrictBool | None = None


class DossierProcessingStarted(BaseModel):
    """
    The handling unit has started to process the dossier.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    started_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    due_at: Instant | None = None


class Scores(BaseModel):
    """
    Nine indicators, each 0, 1 or 2.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    total_time: Annotated[StrictInt, Field(ge=0, le=2)]
    time_per_agency: Annotated[StrictInt, Field(ge=0, le=2)]
    contacts: Annotated[StrictInt, Field(ge=0, le=2)]
    agencies_contacted: Annotated[StrictInt, Field(ge=0, le=2)]
    organisation: Annotated[StrictInt, Field(ge=0, le=2)]
    publication: Annotated[StrictInt, Field(ge=0, le=2)]
    attitude: Annotated[StrictInt, Field(ge=0, le=2)]
    feedback: Annotated[StrictInt, Field(ge=0, le=2)]
    online_service: Annotated[StrictInt, Field(ge=0, le=2)]


class DossierRated(BaseModel):
    """
    The citizen has rated how the dossier was handled, once, after its end.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    scores: Annotated[Scores, Field(description="Nine indicators, each 0, 1 or 2.")]
    comment: Annotated[str | None, Field(max_length=2000, min_length=1)] = None
    rated_at: Instant


class Limit(BaseModel):
    """
    The limit in the catalogue's version in force at reception.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    value: Annotated[StrictFloat, Field(ge=0.0, le=365.0)]
    unit: Literal["working_day", "day", "hour", "same_day", "immediate"]


class DossierReceived(BaseModel):
    """
    The one-stop unit has accepted the dossier and promises a date (form 01).
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    received_at: Instant
    due_at: Instant
    working_days: Annotated[StrictFloat, Field(ge=0.0, le=365.0)]
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    limit: Annotated[
        Limit | None,
        Field(description="The limit in the catalogue's version in force at reception."),
    ] = None
    count: Literal["law", "system"] | None = None
    pause: Literal["anew", "shift", "subtract"] | None = None
    forward_by: Instant | None = None
    case: Annotated[str | None, Field(pattern="^[0-9]\\.[0-9]{6}\\.[0-9]{2}$")] = None
    version: Annotated[str | None, Field(max_length=40, min_length=1)] = None
    at_desk: StrictBool | None = None


class DossierRefused(BaseModel):
    """
    The one-stop unit does not accept the dossier (form 03); it ends here.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reason: Annotated[str, Field(max_length=2000, min_length=1)]
    refused_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    refund_dong: Annotated[StrictInt | None, Field(ge=0)] = None
    paid_dong: Annotated[StrictInt | None, Field(ge=0)] = None
    returned_dong: Annotated[StrictInt | None, Field(ge=0)] = None


class Authority(BaseModel):
    """
    Where the dossier is handled.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    commune: Annotated[str | None, Field(pattern="^[0-9]{5}$")]


class Applicant(BaseModel):
    """
    Who handed it in, as the papers say.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    id: Annotated[str, Field(pattern="^[0-9]{12}$")]
    name: Annotated[str, Field(max_length=120, min_length=1)]


class Owner(BaseModel):
    """
    The owner of the dossier, if not the submitter.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    kind: Literal["person", "organisation"]
    id: Annotated[str, Field(pattern="^([0-9]{12}|[0-9]{10}|[0-9]{10}-[0-9]{3})$")]
    name: Annotated[str, Field(max_length=120, min_length=1)]


class Paper(BaseModel):
    """
    One paper handed in. Never its bytes: the file is fetched from the portal by its hash.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    component: Annotated[str, Field(max_length=60, min_length=1)]
    name: Annotated[str | None, Field(max_length=200, min_length=1)] = None
    media_type: Annotated[str | None, Field(max_length=100, min_length=1)] = None
    size: Annotated[StrictInt | None, Field(ge=1)] = None
    sha256: Annotated[str | None, Field(pattern="^[0-9a-f]{64}$")] = None
    form: Literal["original", "copy", "electronic"]
    digitisation: Annotated[StrictInt, Field(ge=0, le=3)]


class HelpAt(BaseModel):
    """
    Where the submitter was helped; decides nothing.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    commune: Annotated[str | None, Field(pattern="^[0-9]{5}$")]


class Reception(BaseModel):
    """
    Desk that receives; any desk of the province if the procedure does not depend on administrative boundaries.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    commune: Annotated[str | None, Field(pattern="^[0-9]{5}$")]


class FiledUnder(BaseModel):
    """
    The codes from before the merger that were used in the submission, if they differ.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    commune: Annotated[str | None, Field(pattern="^[0-9]{5}$")]


class DossierRegistered(BaseModel):
    """
    A province has registered a dossier handed in at a counter or by public post; it begins with this event.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    authority: Annotated[Authority, Field(description="Where the dossier is handled.")]
    applicant: Annotated[Applicant, Field(description="Who handed it in, as the papers say.")]
    channel: Literal["direct", "public_postal"]
    registered_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    note: Annotated[str | None, Field(max_length=2000, min_length=1)] = None
    case: Annotated[str | None, Field(pattern="^[0-9]\\.[0-9]{6}\\.[0-9]{2}$")] = None
    version: Annotated[str | None, Field(max_length=40, min_length=1)] = None
    payer_group: Annotated[str | None, Field(max_length=40, min_length=1)] = None
    capacity: Literal["self", "representative", "authorised_person", "organisation"] | None = None
    owner: Annotated[
        Owner | None,
        Field(description="The owner of the dossier, if not the submitter."),
    ] = None
    papers: Annotated[list[Paper] | None, Field(max_length=50)] = None
    help_at: Annotated[
        HelpAt | None,
        Field(description="Where the submitter was helped; decides nothing."),
    ] = None
    reception: Annotated[
        Reception,
        Field(
            description="Desk that receives; any desk of the province if the procedure does not depend on administrative boundaries."
        ),
    ]
    return_by: Literal["direct", "online", "public_postal"] | None = None
    filed_under: Annotated[
        FiledUnder | None,
        Field(description="The codes from before the merger that were used in the submission, if they differ."),
    ] = None


class DossierRejected(BaseModel):
    """
    Verification shows that the dossier does not meet the conditions (form 03).
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reason: Annotated[str, Field(max_length=500, min_length=1)]
    rejected_at: Instant
    refund_dong: Annotated[StrictInt | None, Field(ge=0)] = None
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    paid_dong: Annotated[StrictInt | None, Field(ge=0)] = None
    returned_dong: Annotated[StrictInt | None, Field(ge=0)] = None


class DossierRescheduled(BaseModel):
    """
    The handling unit cannot keep the due date: it apologises with a reason and names a new one, once, at the latest one day before expiry (form 04).
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reason: Annotated[str, Field(max_length=500, min_length=1)]
    previous_due_at: Instant
    due_at: Instant
    apologised_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class Result(BaseModel):
    """
    The file of the result that the province handed in. Never its bytes: it is fetched from the province.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    signed_at: Instant | None = None
    signature: Annotated[
        str | None,
        Field(max_length=20000, min_length=1, pattern="^[A-Za-z0-9+/]+={0,2}$"),
    ] = None


class DossierResultReady(BaseModel):
    """
    The result is signed and at the one-stop unit; this moment decides whether it is on time.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    ready_at: Instant
    on_time: StrictBool
    result_number: Annotated[str, Field(max_length=64, min_length=1)]
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    timeliness: Literal["early", "on_time", "overdue"] | None = None
    supplement_requests: Annotated[StrictInt | None, Field(ge=0)] = None
    result: Annotated[
        Result | None,
        Field(
            description="The file of the result that the province handed in. Never its bytes: it is fetched from the province."
        ),
    ] = None


class DossierResultReturned(BaseModel):
    """
    The citizen has the result; the dossier ends here.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    returned_at: Instant
    channel: Literal["direct", "online", "public_postal"]


class DossierStopped(BaseModel):
    """
    The agency stops processing, such as when nobody answered or paid in time (form 05).
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reason: Annotated[str, Field(max_length=500, min_length=1)]
    stopped_at: Instant
    refund_dong: Annotated[StrictInt | None, Field(ge=0)] = None
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    paid_dong: Annotated[StrictInt | None, Field(ge=0)] = None
    returned_dong: Annotated[StrictInt | None, Field(ge=0)] = None


class Applicant1(BaseModel):
    """
    Who submitted, as confirmed by the identity provider.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    id: Annotated[str, Field(pattern="^[0-9]{12}$")]
    name: Annotated[str, Field(max_length=120, min_length=1)]
    level: Literal[1, 2]


class DossierSubmitted(BaseModel):
    """
    A citizen has submitted a dossier at the portal; it begins with this event.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    authority: Annotated[Authority, Field(description="Where the dossier is handled.")]
    applicant: Annotated[
        Applicant1,
        Field(description="Who submitted, as confirmed by the identity provider."),
    ]
    channel: Literal["online"]
    submitted_at: Instant
    note: Annotated[str | None, Field(max_length=2000)] = None
    case: Annotated[str | None, Field(pattern="^[0-9]\\.[0-9]{6}\\.[0-9]{2}$")] = None
    version: Annotated[str | None, Field(max_length=40, min_length=1)] = None
    payer_group: Annotated[str | None, Field(max_length=40, min_length=1)] = None
    capacity: Literal["self", "representative", "authorised_person", "organisation"] | None = None
    owner: Annotated[
        Owner | None,
        Field(description="The owner of the dossier, if not the submitter."),
    ] = None
    papers: Annotated[list[Paper] | None, Field(max_length=50)] = None
    help_at: Annotated[
        HelpAt | None,
        Field(description="Where the submitter was helped; decides nothing."),
    ] = None
    reception: Annotated[
        Reception | None,
        Field(
            description="Desk that receives; any desk of the province if the procedure does not depend on administrative boundaries."
        ),
    ] = None
    return_by: Literal["direct", "online", "public_postal"] | None = None
    filed_under: Annotated[
        FiledUnder | None,
        Field(description="The codes from before the merger that were used in the submission, if they differ."),
    ] = None


class DossierSupplementAnswered(BaseModel):
    """
    The citizen has answered a request with new papers.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    request: Annotated[StrictInt, Field(ge=1, le=9)]
    papers: Annotated[list[Paper], Field(max_length=50)]
    note: Annotated[str | None, Field(max_length=2000, min_length=1)] = None
    answered_at: Instant


class Item1(BaseModel):
    """
    One item that is missing or wrong.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    component: Annotated[str | None, Field(max_length=60, min_length=1)] = None
    text: Annotated[str, Field(max_length=500, min_length=1)]


class DossierSupplementRequested(BaseModel):
    """
    The office asks once, completely and precisely, for what is missing (form 02). A second request is marked as overdue.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    request: Annotated[StrictInt, Field(ge=1, le=9)]
    reason: Annotated[str, Field(max_length=500, min_length=1)]
    items: Annotated[list[Item1], Field(max_length=50, min_length=1)]
    answer_by: Instant
    counts_as_overdue: StrictBool
    requested_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class DossierWithdrawalDeclined(BaseModel):
    """
    The province does not grant the withdrawal; the dossier goes on as before.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    declined_at: Instant
    reason: Annotated[str, Field(max_length=2000, min_length=1)]
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class DossierWithdrawalRequested(BaseModel):
    """
    The citizen asks to withdraw the dossier; the province answers.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reason: Annotated[str, Field(max_length=2000, min_length=1)]
    requested_at: Instant


class DossierWithdrawn(BaseModel):
    """
    The province grants the citizen's request to withdraw; the dossier ends here.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    withdrawn_at: Instant
    reason: Annotated[str, Field(max_length=2000, min_length=1)]
    officer: Annotated[str, Field(max_length=120, min_length=1)]
    refund_dong: Annotated[StrictInt | None, Field(ge=0)] = None
    paid_dong: Annotated[StrictInt | None, Field(ge=0)] = None
    returned_dong: Annotated[StrictInt | None, Field(ge=0)] = None


class LaneVoid(BaseModel):
    """
    This number of the lane has no event any more; a reader continues with the next.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    reason: Annotated[str, Field(max_length=200, min_length=1)]


class PaymentConfirmed(BaseModel):
    """
    The payment platform has confirmed to the portal that the fee was paid.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reference: Annotated[str, Field(max_length=64, min_length=1)]
    amount_dong: Annotated[StrictInt, Field(ge=0)]
    transaction: Annotated[str, Field(max_length=64, min_length=1)]
    paid_at: Instant
    demand: Annotated[StrictInt | None, Field(ge=1)] = None
    receipts: Annotated[list[Receipt] | None, Field(max_length=3)] = None


class PaymentRefunded(BaseModel):
    """
    The portal has refunded a confirmed payment, once; no law or interface for this was found (unverified).
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[
        str,
        Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-([0-9]{8}-[0-9]{7}|[0-9]{6}-[0-9]{4,7})$"),
    ]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reference: Annotated[str, Field(max_length=64, min_length=1)]
    amount_dong: Annotated[StrictInt, Field(ge=0)]
    refund: Annotated[str, Field(max_length=64, min_length=1)]
    refunded_at: Instant


BY_TYPE: dict[str, type[BaseModel]] = {
    "dossier.fee_demanded.v1": DossierFeeDemanded,
    "dossier.fee_paid.v1": DossierFeePaid,
    "dossier.fee_waived.v1": DossierFeeWaived,
    "dossier.handed_over.v1": DossierHandedOver,
    "dossier.processing_resumed.v1": DossierProcessingResumed,
    "dossier.processing_started.v1": DossierProcessingStarted,
    "dossier.rated.v1": DossierRated,
    "dossier.received.v1": DossierReceived,
    "dossier.refused.v1": DossierRefused,
    "dossier.registered.v1": DossierRegistered,
    "dossier.rejected.v1": DossierRejected,
    "dossier.rescheduled.v1": DossierRescheduled,
    "dossier.result_ready.v1": DossierResultReady,
    "dossier.result_returned.v1": DossierResultReturned,
    "dossier.stopped.v1": DossierStopped,
    "dossier.submitted.v1": DossierSubmitted,
    "dossier.supplement_answered.v1": DossierSupplementAnswered,
    "dossier.supplement_requested.v1": DossierSupplementRequested,
    "dossier.withdrawal_declined.v1": DossierWithdrawalDeclined,
    "dossier.withdrawal_requested.v1": DossierWithdrawalRequested,
    "dossier.withdrawn.v1": DossierWithdrawn,
    "lane.void.v1": LaneVoid,
    "payment.confirmed.v1": PaymentConfirmed,
    "payment.refunded.v1": PaymentRefunded,
}
TYPE_OF: dict[type[BaseModel], str] = {model: name for name, model in BY_TYPE.items()}
