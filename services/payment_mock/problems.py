"""What the refusals of the checkout look like outside. The partner's own messages are answered with a MaLoi instead."""

from __future__ import annotations

from shared.errors import Refusal
from shared.problem_types import Problems, ProblemType


class OrderNotFound(Refusal):
    """No order of this sandbox has this MaGiaoDich."""


class OrderAlreadyPaid(Refusal):
    """The order was paid before; nothing is taken again, nobody is told again."""


class OrderExpired(Refusal):
    """The time to pay is over, in sandbox time."""


class BankDown(Refusal):
    """The payer's bank does not answer; nothing is taken."""


PROBLEMS: Problems = {
    OrderNotFound: ProblemType("order-not-found", 404, "There is no such order.", "Không có giao dịch này."),
    OrderAlreadyPaid: ProblemType("order-already-paid", 409, "The order is paid.", "Giao dịch đã được thanh toán."),
    BankDown: ProblemType("bank-down", 503, "The bank does not answer.", "Ngân hàng không phản hồi."),
    OrderExpired: ProblemType("order-expired", 409, "The time to pay is over.", "Giao dịch đã hết hạn thanh toán."),
}
