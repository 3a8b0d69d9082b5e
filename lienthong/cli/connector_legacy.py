"""What `lienthong connect --via legacy` prints: what to put into the configuration of a client, and a working line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lienthong.cli.language import output_language

TEXTS = {
    "en": {
        "base": "base URL",
        "endpoints": "endpoints",
        "username": "login",
        "password": "password",
        "agency": "agency",
        "wrapper": "wrapper",
        "answers": "answers",
        "calls": "calls to",
        "nowhere": "no address: it is told by what it asks (--url URL names one)",
        "ends": "login {login}; lists {share}; everything else {integration} (each takes every service)",
        "bare": "base URL for clients that push bare arrays without a session; keep it as secret as the password",
        "previous": "The password before is valid until {until}.",
        "try": "Try it (the first line logs in, the second one asks):",
    },
    "vi": {
        "base": "địa chỉ",
        "endpoints": "đường dẫn",
        "username": "tài khoản",
        "password": "mật khẩu",
        "agency": "mã đơn vị",
        "wrapper": "bọc ngoài",
        "answers": "trả lời",
        "calls": "gọi đến",
        "nowhere": "không có địa chỉ: hệ thống tự hỏi (--url URL để đặt)",
        "ends": "đăng nhập {login}; danh mục {share}; còn lại {integration} (đường nào cũng nhận mọi dịch vụ)",
        "bare": "địa chỉ cho hệ thống gửi mảng JSON, không có phiên; giữ kín như mật khẩu",
        "previous": "Mật khẩu trước còn hiệu lực đến {until}.",
        "try": "Thử (dòng đầu đăng nhập, dòng sau hỏi):",
    },
}


def instructions(facts: Mapping[str, Any]) -> list[str]:
    """Lines to paste; `facts`: the reply that drew the credentials."""
    legacy: Mapping[str, Any] = facts["legacy"]
    texts = TEXTS["vi" if output_language() == "vi" else "en"]
    rows = {
        "base": legacy["base"],
        "endpoints": texts["ends"].format(**legacy),
        "username": legacy["username"],
        "password": legacy["password"],
        "agency": legacy["agency"],
        "wrapper": f"{legacy['wrapper']} ({texts['bare']})",
        "answers": adapter_words(facts["adapter"]),
        "calls": facts["url"] or texts["nowhere"],
    }
    lines = [f"  {texts[name]:9} {value}" for name, value in rows.items()]
    if facts["previous_key_until"]:
        lines.append(f"  {texts['previous'].format(until=facts['previous_key_until'])}")
    post = "curl --silent --header 'Content-Type: application/json' --data"
    login = f'{{"username": "{legacy["username"]}", "password": "{legacy["password"]}"}}'
    asked = f'{{"session": "\'$SESSION\'", "madonvi": "{legacy["agency"]}", "service": "LayDanhSachTTHC"}}'
    return [
        *lines,
        texts["try"],
        f"  SESSION=$({post} '{login}' {legacy['base']}{legacy['login']} | sed 's/.*\"session\":\"\\([^\"]*\\).*/\\1/')",
        f"  {post} '{asked}' {legacy['base']}{legacy['share']}",
    ]


def adapter_words(adapter: Mapping[str, Any] | None) -> str:
    """How the adapter API answers, as `lienthong mode set --adapter` takes it; empty behind another door."""
    return " ".join(
        f"{name}={value if name == 'profile' else json.dumps(value, ensure_ascii=False)}"
        for name, value in sorted((adapter or {}).items(), key=lambda item: (item[0] != "profile", item[0]))
    )
