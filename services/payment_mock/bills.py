"""The receipt of a payment (GET_BILL): a PDF of one page, marked as a specimen."""

from __future__ import annotations

from services.payment_mock.store import Order
from shared import specimen
from shared.specimen import Sheet, day


def render(order: Order) -> bytes:
    """The page of a paid order, the same bytes every time. Call it in a thread."""
    assert order.paid_at is not None  # the caller has seen that it is paid
    lines = (
        ("Mã tham chiếu", order.reference),
        ("Mã giao dịch", order.transaction),
        ("Đối tác", order.partner),
        ("Hồ sơ", order.subject),
        ("Nội dung", order.description),
        ("Số tiền", f"{order.amount_dong:,} đồng".replace(",", ".")),
        ("Ngân hàng", order.bank),
        ("Ngày thanh toán", day(order.paid_at)),
    )
    return specimen.render(
        Sheet(
            agency="NỀN TẢNG THANH TOÁN (DIỄN TẬP)",
            number=order.transaction,
            heading="BIÊN LAI THU TIỀN",
            subheading="Thanh toán trực tuyến",
            lines=lines,
            code=order.subject,
            at=order.paid_at,
        )
    )
