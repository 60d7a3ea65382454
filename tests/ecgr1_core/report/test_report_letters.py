"""Typeface, right-to-left names, pseudonyms."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ecgr1_core.errors import InputError
from ecgr1_core.pseudonyms import key_from, pseudonym
from ecgr1_core.report.right_to_left import in_visual_order
from ecgr1_core.report.typeface import printable, unprintable_count, width_pt

HEBREW = "\u05e9\u05e8\u05d4"  # shin resh he


@pytest.mark.parametrize(
    ("written", "drawn"),
    [
        ("Jane Doe (61)", "Jane Doe (61)"),
        (HEBREW, HEBREW[::-1]),
        (f"ID 12-34 {HEBREW}", f"ID 12-34 {HEBREW[::-1]}"),
        (f"{HEBREW} 12-34", f"12-34 {HEBREW[::-1]}"),
        (f"a {HEBREW} b", f"a {HEBREW[::-1]} b"),
        (f"({HEBREW})", f"({HEBREW[::-1]})"),
        (f"{HEBREW} ({HEBREW} 45)", f"(45 {HEBREW[::-1]}) {HEBREW[::-1]}"),
        # seen, lam with alef as one sign, meem: initial, final, isolated
        ("\u0633\u0644\u0627\u0645", "\ufee1\ufefc\ufeb3"),
        # beh, vowel mark, beh: marks are passed over and stay on their letter
        ("\u0628\u064e\u0628", "\ufe90\ufe91\u064e"),
    ],
)
def test_right_to_left_text_is_joined_and_put_in_the_order_it_is_drawn(written: str, drawn: str) -> None:
    assert in_visual_order(written) == drawn


def test_what_is_printable() -> None:
    assert printable("e\u0301 \t\n₁ ≥ − ′ ✕") == "é   ₁ ≥ − ′ ✕"
    assert printable("a\u200b\u202e\x00b") == "ab"
    assert printable("心a") == "▯a"
    assert unprintable_count(["心電", "▯", "abc"]) == 2
    assert width_pt("WWW", 10) == pytest.approx(3 * width_pt("W", 10))
    assert width_pt("W", 10, bold=True) > width_pt("W", 10)


def test_a_pseudonym_is_stable_and_depends_on_name_and_key() -> None:
    key, other = b"0123456789abcdef", b"0123456789abcdeg"
    assert pseudonym("00001_hr", key) == pseudonym("00001_hr", key)
    codes = {pseudonym(name, secret) for name in ("00001_hr", "00002_hr", "") for secret in (key, other)}
    assert len(codes) == 6
    for code in codes:
        assert len(code) == 11
        assert code.startswith("R-")
        assert not set(code) & set("ILOU")
    assert pseudonym("Zoe\u0308", key) == pseudonym("Zo\u00eb", key)
    with pytest.raises(ValueError, match="16 bytes"):
        pseudonym("a", b"short")


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    key = key_from(path)
    assert len(key) == 32
    assert key_from(path) == key
    assert key_from(tmp_path / "other") != key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    short = tmp_path / "short"
    short.write_bytes(b"abc")
    with pytest.raises(InputError, match="3 bytes, fewer than 16"):
        key_from(short)
    with pytest.raises(InputError, match="cannot be read or made"):
        key_from(tmp_path)
