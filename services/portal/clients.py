"""Calls to the payment platform (fact sheet integration 4.1; the refund endpoint is ours, unverified)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import SecretStr

from contracts import payment_platform as platform
from contracts.catalogue import COMMUNES, PROCEDURES, PROVINCES, agency_code
from services.portal.domain import Dossier, Payment
from shared import http
from shared.errors import Refusal
from shared.runtime import Runtime


class PlatformRefused(Refusal):
    """The payment platform replied with an error code."""


class PlatformSilent(Refusal):
    """The payment platform does not reply; the attempt is stored, and the same request can be sent again."""


class PaymentPlatform:
    """INIT and refund, signed with the partner's secret of the sandbox."""

    def __init__(self, runtime: Runtime, secret: SecretStr) -> None:
        self._runtime, self._secret = runtime, secret
        self._url = runtime.settings.payment_url

    def secret(self, sandbox_id: str) -> str:
        """The secret that signs messages to and from the platform in one sandbox."""
        return platform.partner_secret(self._secret.get_secret_value(), sandbox_id)

    async def begin(self, sandbox_id: str, dossier: Dossier, payment: Payment, at: datetime) -> str:
        """The checkout URL (UrlThanhToan). Idempotent per reference. Raises PlatformRefused, PlatformSilent."""
        message = self._init(dossier, payment, at)
        message["MaXacThuc"] = platform.checksum(message, platform.INIT, self.secret(sandbox_id))
        try:
            response = await http.call(
                self._runtime.http, "POST", f"{self._url}/init", sandbox_id=sandbox_id, body=message
            )
        except http.Unreachable as error:
            raise PlatformSilent(
                "Send the same request with the same Idempotency-Key again.", reference=payment.reference
            ) from error
        body = response.json()
        if response.status_code != 200 or body.get("MaLoi") != platform.OK:
            raise PlatformRefused(
                str(body.get("MoTaLoi") or body.get("detail")), reference=payment.reference, MaLoi=body.get("MaLoi")
            )
        return str(body["UrlThanhToan"])

    async def refund(self, sandbox_id: str, reference: str, amount_dong: int) -> str:
        """Refund a payment, once per reference. Returns the refund number. Raises Unreachable, PlatformRefused."""
        message: dict[str, Any] = {
            "LoaiBanTin": "REFUND",
            "MaDoiTac": platform.PARTNER,
            "MaThamChieu": reference,
            "SoTien": amount_dong,
            "MaHoanTien": f"R{reference}",
        }
        message["MaXacThuc"] = platform.checksum(message, platform.REFUND, self.secret(sandbox_id))
        response = await http.call(
            self._runtime.http, "POST", f"{self._url}/refund", sandbox_id=sandbox_id, body=message
        )
        body = response.json()
        if response.status_code != 200 or body.get("MaLoi") != platform.OK:
            raise PlatformRefused(
                str(body.get("MoTaLoi") or body.get("detail")), reference=reference, MaLoi=body.get("MaLoi")
            )
        return str(body["MaGiaoDichHoan"])

    def _init(self, dossier: Dossier, payment: Payment, at: datetime) -> dict[str, Any]:
        procedure = PROCEDURES[dossier.procedure]
        agency = agency_code(dossier.province, dossier.commune)
        authority = COMMUNES[dossier.commune].name_vi if dossier.commune else PROVINCES[dossier.province].name_vi
        return {
            "LoaiBanTin": "INIT",
            "PhienBan": "1.0.6",
            "MaDoiTac": platform.PARTNER,
            "MaThamChieu": payment.reference,
            "SoTien": str(payment.amount_dong),
            "LoaiHinhThanhToan": "PAY",
            "MaKenhThanhToan": "1",
            "MaThietBi": "1",
            "NgonNgu": "vi-VN",
            "MaTienTe": platform.CURRENCY,
            "MaNganHang": "PAYMENT",
            "ThongTinGiaoDich": f"THANH TOAN HO SO {dossier.code}",
            "ThoiGianGD": platform.platform_time(at),
            "Ip": "127.0.0.1",
            "ThongTinBienLai": {
                "MaDichVu": "2",
                "MaDonVi": agency,
                "TenDonVi": f"UBND {authority}",
                "MaHoSo": dossier.code,
                "MaDVC": f"{procedure.code}.01",
                "TenDVC": procedure.name_vi[:250],
                "MaTTHC": procedure.code,
                "TenTTHC": procedure.name_vi[:250],
                "TKThuHuong": "9990000000000",
                "MaNHThuHuong": "970436",
                "TenTKThuHuong": f"UBND {authority}",
                "NoiDungThanhToan": f"THANH TOAN HO SO {dossier.code}",
                "HoTenNguoiNop": dossier.applicant_name,
                "SoCMNDNguoiNop": dossier.applicant_id,
                "DiaChiNguoiNop": authority,
                "MaCoQuanQD": agency,
                "TenCoQuanQD": f"UBND {authority}",
                "PhiLePhi": [
                    {
                        "LoaiPhiLePhi": "2",
                        "MaPhiLePhi": "2",
                        "TenPhiLePhi": procedure.name_vi[:250],
                        "SoTien": str(payment.amount_dong),
                    }
                ],
            },
        }
