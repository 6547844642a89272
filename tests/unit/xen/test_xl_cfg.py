# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grammar of xl.cfg: what xl's own library was seen to take and to refuse, and edits that keep every other byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.cfg import (
    CfgError,
    number_of,
    quoted,
    unquoted,
)
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.xen.definition import Definition

# Each text was given to libxlutil 4.17, which said the same.
TAKEN = [
    ("a='x'\nb=[ 'q', 'r' ]\n", {"a": "x", "b": ("q", "r")}),
    ("a=0x10;c=\"p\\\"q\"\nb=[\n# c\n 'q', # d\n 'r'\n , 's',\n]", {"a": "0x10", "c": 'p"q', "b": ("q", "r", "s")}),
    ("b=[ 'q' ]\nb+=['r']\na='x'\na+='y'", {"a": "xy", "b": ("q", "r")}),
    ('a.b=1\na="v.x"', {"a.b": "1", "a": "v.x"}),
    ("a=1\n b = [ ]", {"a": "1", "b": ()}),
    ("a=12abc", {"a": "12abc"}),
    ("b=[\n'a'\n,\n'b'\n]", {"b": ("a", "b")}),
    ("a='1'\na=2", {"a": "2"}),
    ("b=[ 1, 'z' ]", {"b": ("1", "z")}),
    ("", {}),
    ("# nothing\n\n;;\n", {}),
]
REFUSED = [
    "a=1 2", "a='x", "a='x'\r\n", "A=1", "a='x\\\ny'", "a= \\\n 1", "a='a' 'b'", "b=[,]", "a=-1", "a='\\q'",
    "b=[\"a\" 'b']", "a=x", "b=['a',,'b']", "a=1,\n", "a", "a=", "b=['a'", "=1", "a 1",
    "a='x\0y'", "a='\\x41'", "a='\\101'",
]  # fmt: skip


@pytest.mark.parametrize(("text", "values"), TAKEN)
def test_what_xl_reads(text: str, values: dict[str, object]) -> None:
    definition = Definition(text)
    assert {key: definition.plain_of(key) for key in sorted(definition.written)} == values


@pytest.mark.parametrize("text", REFUSED)
def test_what_xl_refuses(text: str) -> None:
    with pytest.raises(CfgError):
        Definition(text)


def test_an_error_names_its_line() -> None:
    with pytest.raises(CfgError, match="line 4"):
        Definition("a=1\n# more\nb=['x'\n")


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_characters="\x7f")))
def test_a_quoted_text_is_read_as_it_was(text: str) -> None:
    assert unquoted(quoted(text)) == text
    definition = Definition("")
    definition.put("a", text)
    assert definition.text_of("a") == text


@pytest.mark.parametrize(("text", "number"), [("10", 10), ("0x1f", 31), ("010", 8), ("0", 0), ("09", 9), ("1a", None)])
def test_numbers_are_those_of_c(text: str, number: int | None) -> None:
    assert number_of(text) == number


HAND = """# made by hand
name = 'web'   # the name
memory=512 ; vcpus = 2

disk = [
    'phy:/dev/vg0/web,xvda,w',   # the system
    '/srv/iso.iso,,xvdb,cdrom',
]
vif = [ 'mac=00:16:3e:00:00:01' ]  # one card
extra = "quiet" # said
"""


def test_a_value_is_replaced_in_its_place() -> None:
    definition = Definition(HAND)
    definition.put("memory", 1024)
    definition.put("extra", 'say "hi"')
    assert definition.text == HAND.replace("memory=512", "memory=1024").replace('"quiet"', "'say \"hi\"'")


def test_a_new_key_comes_at_the_end() -> None:
    definition = Definition(HAND)
    definition.put("maxmem", 2048)
    assert definition.text == HAND + "maxmem = 2048\n"


def test_a_key_goes_with_its_line_or_alone() -> None:
    definition = Definition(HAND)
    definition.put("vcpus", None)
    definition.put("extra", None)
    assert definition.text == HAND.replace(" ; vcpus = 2", " ; ").replace('extra = "quiet"', "")


def test_entries_come_and_go_as_the_others_are_laid_out() -> None:
    definition = Definition(HAND)
    definition.add_item("disk", "vdev=xvdc")
    definition.add_item("vif", "bridge=b")
    added = HAND.replace("'/srv/iso.iso,,xvdb,cdrom',\n", "'/srv/iso.iso,,xvdb,cdrom',\n    \"vdev=xvdc\",\n")
    assert definition.text == added.replace("01' ]", '01\', "bridge=b" ]')
    definition.cut_item(definition.items_of("disk")[2])
    definition.cut_item(definition.items_of("vif")[1])
    assert definition.text == HAND.replace("01' ]", "01',  ]")
    definition.cut_item(definition.items_of("disk")[0])
    assert "    # the system" in definition.text
    assert definition.plain_of("disk") == ("/srv/iso.iso,,xvdb,cdrom",)


@pytest.mark.parametrize("text", ["disk=[]", "disk = [ ]", "disk = [ # none\n]", "name='x'", "disk='a'"])
def test_the_first_entry_finds_its_place(text: str) -> None:
    definition = Definition(text)
    before = definition.plain_of("disk") or ()
    definition.add_item("disk", "new")
    assert definition.plain_of("disk") == ((*([before] if isinstance(before, str) else before), "new"))


def test_a_key_that_is_written_in_several_places_becomes_one() -> None:
    definition = Definition("a='1'\nb=2\na='3'\na+='4'\n# end\n")
    definition.put("a", "5")
    assert definition.text_of("a") == "5"
    assert definition.text == "a='1'\nb=2\na=5\n# end\n"


WORDS = st.dictionaries(
    st.sampled_from("abcd"), st.one_of(st.integers(0, 99), st.lists(st.text("xy# ,'\"\\", max_size=4)))
)


@given(WORDS, WORDS)
def test_what_is_put_is_read(before: dict[str, object], after: dict[str, object]) -> None:
    definition = Definition(HAND)
    for key, value in [*before.items(), *after.items()]:
        definition.put(key, value)  # type: ignore[arg-type]
    for key, value in {**before, **after}.items():
        assert definition.plain_of(key) == (str(value) if isinstance(value, int) else tuple(value))  # type: ignore[arg-type]
    assert definition.text.startswith(HAND)
