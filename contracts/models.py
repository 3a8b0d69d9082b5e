"""Events as pydantic models, generated from events/ by `make contracts`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

from contracts.instant import Instant


class DossierFeeDemanded(BaseModel):
    """
    The dossier waits until the citizen has paid this fee.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    fee_dong: Annotated[StrictInt, Field(ge=0)]
    demanded_at: Instant


class DossierProcessingStarted(BaseModel):
    """
    The handling unit has taken up the dossier.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    started_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class DossierReceived(BaseModel):
    """
    The one-stop unit has accepted the dossier and promises a date (form 01).
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    received_at: Instant
    due_at: Instant
    working_days: Annotated[StrictFloat, Field(ge=0.0, le=365.0)]
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class DossierRefused(BaseModel):
    """
    The one-stop unit does not accept the dossier (form 03); it ends here.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reason: Annotated[str, Field(max_length=2000, min_length=1)]
    refused_at: Instant
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class DossierResultReady(BaseModel):
    """
    The result is signed and with the one-stop unit; this moment decides on time or overdue.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    ready_at: Instant
    on_time: StrictBool
    result_number: Annotated[str, Field(max_length=64, min_length=1)]
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class DossierResultReturned(BaseModel):
    """
    The citizen has the result; the dossier ends here.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    returned_at: Instant
    channel: Literal["online"]


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
    Who submitted, as the identity provider vouched for them.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    id: Annotated[str, Field(pattern="^[0-9]{12}$")]
    name: Annotated[str, Field(max_length=120, min_length=1)]
    level: Literal[1, 2]


class DossierSubmitted(BaseModel):
    """
    A citizen has submitted a dossier at the portal; it is born by this event.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    authority: Annotated[Authority, Field(description="Where the dossier is handled.")]
    applicant: Annotated[
        Applicant,
        Field(description="Who submitted, as the identity provider vouched for them."),
    ]
    channel: Literal["online"]
    submitted_at: Instant
    note: Annotated[str | None, Field(max_length=2000)] = None


class DossierWithdrawalDeclined(BaseModel):
    """
    The province does not grant the withdrawal; the dossier goes on as before.
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
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
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
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
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    withdrawn_at: Instant
    reason: Annotated[str, Field(max_length=2000, min_length=1)]
    officer: Annotated[str, Field(max_length=120, min_length=1)]


class LaneVoid(BaseModel):
    """
    This number of the lane carries nothing any more; a reader moves on.
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
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reference: Annotated[str, Field(max_length=64, min_length=1)]
    amount_dong: Annotated[StrictInt, Field(ge=0)]
    transaction: Annotated[str, Field(max_length=64, min_length=1)]
    paid_at: Instant


class PaymentRefunded(BaseModel):
    """
    The portal has given a confirmed payment back, once; no law or interface for this was found (unverified).
    """

    model_config = ConfigDict(
        frozen=True,
    )
    dossier_code: Annotated[str, Field(pattern="^[HG][0-9]{2}(\\.[0-9]{1,5})*-[0-9]{8}-[0-9]{7}$")]
    province: Annotated[str, Field(pattern="^[0-9]{2}$")]
    procedure: Annotated[str, Field(pattern="^[0-9]\\.[0-9]{6}$")]
    reference: Annotated[str, Field(max_length=64, min_length=1)]
    amount_dong: Annotated[StrictInt, Field(ge=0)]
    refund: Annotated[str, Field(max_length=64, min_length=1)]
    refunded_at: Instant


BY_TYPE: dict[str, type[BaseModel]] = {
    "dossier.fee_demanded.v1": DossierFeeDemanded,
    "dossier.processing_started.v1": DossierProcessingStarted,
    "dossier.received.v1": DossierReceived,
    "dossier.refused.v1": DossierRefused,
    "dossier.result_ready.v1": DossierResultReady,
    "dossier.result_returned.v1": DossierResultReturned,
    "dossier.submitted.v1": DossierSubmitted,
    "dossier.withdrawal_declined.v1": DossierWithdrawalDeclined,
    "dossier.withdrawal_requested.v1": DossierWithdrawalRequested,
    "dossier.withdrawn.v1": DossierWithdrawn,
    "lane.void.v1": LaneVoid,
    "payment.confirmed.v1": PaymentConfirmed,
    "payment.refunded.v1": PaymentRefunded,
}
TYPE_OF: dict[type[BaseModel], str] = {model: name for name, model in BY_TYPE.items()}
