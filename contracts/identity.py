"""Numbers of people and organisations: whether a number is well-formed, and whether it is in the range for invented ones.

source  Law 26/2023 art. 12; fact sheet domain.md section 6. It is a choice of this project to reserve serials from 900000
        on for invented people, and tax codes of region 99 for invented organisations.
"""

from __future__ import annotations

import re

from contracts.sources import PERSONAL_NUMBER

NUMBER_CLAIM = "SoDinhDanh"  # claim of an access token: the personal identification number
END_CLAIM = "sandbox_exp"  # claim of an access token with real times: when it ends by the sandbox clock
TEST_CLIENT = "lienthong-demo"  # the client of our own test client, in every sandbox
OWN_CLIENT = "lienthong-"  # prefix of a sandbox's own client, `lienthong-ID`
LOGIN_RETURN = "/login/return"  # where the portal's pages want a person back from the identity provider
INVENTED_SERIAL, INVENTED_REGION = "9", "99"  # first digit of the serial; first two digits of a tax code
WEIGHTS = (31, 29, 23, 19, 17, 13, 7, 5, 3)  # of a tax code's first nine digits
OWNER_KINDS = {
    "representative": "person",
    "organisation": "organisation",
}  # by capacity; an authorised person can act for either
PERSON = re.compile(r"[0-9]{12}")
ORGANISATION = re.compile(r"([0-9]{10})(-[0-9]{3})?")


def own_client(sandbox_id: str) -> str:
    """The client that a program under test signs people in with. It selects the sandbox, also at the default issuer."""
    return f"{OWN_CLIENT}{sandbox_id}"


def person_fault(number: str) -> str | None:
    """Why a personal identification number is refused; None if it is the number of an invented person.

    The law says 12 digits and no more. Numbers that are issued here also have a structure: place of registration (3),
    century and sex (1), year of birth (2), serial (6). We do not know the codes of registrations abroad, so the place is
    not checked.
    """
    if not PERSON.fullmatch(number):
        return f"is not a personal number of 12 digits ({PERSONAL_NUMBER})"
    if number[6] != INVENTED_SERIAL:
        return "could belong to a real person: use an invented number, with a serial (last six digits) from 900000 on"
    return None


def organisation_fault(code: str) -> str | None:
    """Why a tax code is refused; None if it belongs to an invented organisation, or to a unit of one (`-001`)."""
    match = ORGANISATION.fullmatch(code)
    if not match:
        return "is not a tax code of 10 digits, or of 10 digits, '-' and 3 digits"
    digits = match[1]
    if digits[9] != check_digit(digits[:9]):
        return "has a wrong check digit"
    if not digits.startswith(INVENTED_REGION):
        return f"could belong to a real organisation: use an invented code, which begins with {INVENTED_REGION}"
    return None


def fault_of(kind: str, number: str) -> str | None:
    """Why the number of a "person" or an "organisation" is refused; None if it is accepted."""
    return person_fault(number) if kind == "person" else organisation_fault(number)


def check_digit(nine: str) -> str:
    """The tenth digit of a tax code; empty if the sum is divisible by 11, because such a code is not issued."""
    remainder = sum(int(digit) * weight for digit, weight in zip(nine, WEIGHTS, strict=True)) % 11
    return str(10 - remainder) if remainder else ""
