"""The problem types of the checkout. Messages of the partner are refused with a MaLoi instead."""

from __future__ import annotations

from contracts.problems import CONTRACT_PROBLEMS
from shared.errors import Refusal
from shared.problem_types import Problems, ProblemType


class OrderNotFound(Refusal):
    """No order of this sandbox has this MaGiaoDich."""


class OrderAlreadyPaid(Refusal):
    """The order is already paid. No money is taken again, and no CONFIRM is sent again."""


class PartnerNotFound(Refusal):
    """No partner of this sandbox has this code."""


class PartnerReserved(Refusal):
    """The code belongs to the portal."""


class OrderExpired(Refusal):
    """The time to pay has expired, in sandbox time."""


class BankDown(Refusal):
    """The payer's bank does not reply. No money is taken."""


PROBLEMS: Problems = {
    **CONTRACT_PROBLEMS,
    PartnerNotFound: ProblemType("partner-not-found", 404, "There is no such partner.", "Không có đối tác này."),
    PartnerReserved: ProblemType(
        "partner-reserved", 409, "This code belongs to the portal.", "Mã này dành cho Cổng Dịch vụ công quốc gia."
    ),
    OrderNotFound: ProblemType("order-not-found", 404, "There is no such order.", "Không có giao dịch này."),
    OrderAlreadyPaid: ProblemType(
        "order-already-paid", 409, "The order is already paid.", "Giao dịch đã được thanh toán."
    ),
    BankDown: ProblemType("bank-down", 503, "The bank does not reply.", "Ngân hàng không phản hồi."),
    OrderExpired: ProblemType("order-expired", 409, "The time to pay has expired.", "Giao dịch đã hết hạn thanh toán."),
}
