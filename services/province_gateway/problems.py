"""One table: refusal → problem type, status, titles."""

from __future__ import annotations

from contracts.lifecycle import MoveNotAllowed
from services.province_gateway.commands import DossierAlreadyHere
from services.province_gateway.domain import DossierNotFound
from services.province_gateway.queries import ProvinceNotFound
from shared.problems import Problems, ProblemType

PROBLEMS: Problems = {
    DossierNotFound: ProblemType("dossier-not-found", 404, "There is no such dossier.", "Không có hồ sơ này."),
    DossierAlreadyHere: ProblemType(
        "dossier-already-here", 409, "The code belongs to another dossier.", "Mã hồ sơ đã được dùng."
    ),
    ProvinceNotFound: ProblemType(
        "province-not-found", 404, "There is no such province.", "Không có tỉnh, thành phố này."
    ),
    MoveNotAllowed: ProblemType(
        "move-not-allowed",
        409,
        "This cannot be done in the dossier's present state.",
        "Hồ sơ đang ở trạng thái không cho phép thao tác này.",
    ),
}
