# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a definition that users write as XML: what may be written, whether it is so, and how it is made so."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm import fragments, xml
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.fragment_form import fragments_of
from ansible_collections.hostforge.hypervisor.plugins.module_utils.drivers.kvm.fragments import Fragment
from ansible_collections.hostforge.hypervisor.plugins.module_utils.guest.errors import PlanError

QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'"
DOMAIN = f"""
<domain type='kvm' {QEMU}>
  <memtune><hard_limit unit='KiB'>524288</hard_limit></memtune>
  <features><acpi/><hyperv mode='custom'><relaxed state='on'/><vapic state='off'/></hyperv></features>
  <clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='pit' tickpolicy='delay'/></clock>
  <devices>
    <controller type='usb' index='0' model='qemu-xhci' ports='0x0f'/>
    <controller type='sata' index='0'/>
    <hub type='usb'/>
  </devices>
  <qemu:commandline><qemu:arg value='-msg'/><qemu:arg value='timestamp=on'/></qemu:commandline>
</domain>
"""


def wish(path: str, element: str) -> Fragment:
    (found,) = fragments_of([{"path": path, "element": element}])
    return found


# What is so already: path and element.
HELD = [
    ("features/acpi", "<acpi/>"),
    ("features/hyperv", "<hyperv><relaxed state='on'/></hyperv>"),
    ("features/hyperv", "<hyperv mode='custom'>\n  <vapic   state='off'/>\n</hyperv>"),
    ("features", "<features><hyperv><vapic state='off'/><relaxed/></hyperv><acpi/></features>"),
    ("memtune/hard_limit", "<hard_limit unit='MiB'>512</hard_limit>"),
    ("memtune", "<memtune><hard_limit unit='k'>524288</hard_limit></memtune>"),
    ("clock/timer[@name='pit']", "<timer tickpolicy='delay'/>"),
    ("devices/controller[@type='usb']", "<controller type='usb' ports='15'/>"),
    ("devices/controller[@type='usb'][@index='0']", "<controller model='qemu-xhci'/>"),
    ("devices/panic", ""),
    ("features/hyperv/spinlocks", ""),
    ("qemu:commandline", "<qemu:commandline><qemu:arg value='timestamp=on'/></qemu:commandline>"),
]
# What is not: path, element, and what there is of it.
LACKED: list[tuple[str, str, list[str]]] = [
    ("features/pae", "<pae/>", []),
    ("features/acpi", "", ["<acpi/>"]),
    ("features/hyperv", "<hyperv><vapic state='on'/></hyperv>", ["<hyperv>", "  <vapic state='off'/>", "</hyperv>"]),
    ("features/hyperv", "<hyperv><vpindex state='on'/></hyperv>", ["<hyperv/>"]),
    ("features/hyperv", "<hyperv mode='passthrough'/>", ["<hyperv mode='custom'/>"]),
    ("memtune/hard_limit", "<hard_limit unit='MiB'>513</hard_limit>", ["<hard_limit unit='KiB'>524288</hard_limit>"]),
    ("memtune/soft_limit", "<soft_limit unit='MiB'>1</soft_limit>", []),
    ("clock/timer[@name='pit']", "<timer tickpolicy='catchup'/>", ["<timer tickpolicy='delay'/>"]),
    ("clock/timer[@name='hpet']", "<timer name='hpet' present='no'/>", []),
    (
        "clock",
        "<clock><timer name='rtc' tickpolicy='delay'/></clock>",
        ["<clock>", "  <timer name='rtc' tickpolicy='catchup'/>", "</clock>"],
    ),
    ("devices/panic", "<panic model='isa'/>", []),
    ("cputune/shares", "<shares>2048</shares>", []),
    (
        "qemu:commandline",
        "<qemu:commandline><qemu:arg value='timestamp=on'/><qemu:arg value='-msg'/></qemu:commandline>",
        [
            "<qemu:commandline>",
            "  <qemu:arg value='-msg'/>",
            "  <qemu:arg value='timestamp=on'/>",
            "</qemu:commandline>",
        ],
    ),
]


@pytest.mark.parametrize(("path", "element"), HELD)
def test_what_is_so_is_left_alone(path: str, element: str) -> None:
    root, wished = xml.parse(DOMAIN), wish(path, element)
    assert fragments.seen(root, wished) == wished == fragments.runs(root, wished)
    before = xml.render(root)
    fragments.put(root, wished)
    assert xml.render(root) == before


@pytest.mark.parametrize(("path", "element", "found"), LACKED)
def test_what_is_not_so_is_told_and_made_so(path: str, element: str, found: list[str]) -> None:
    root, wished = xml.parse(DOMAIN), wish(path, element)
    assert fragments.seen(root, wished) == Fragment(path, tuple(found)) != wished
    assert fragments.runs(root, wished) != wished
    fragments.put(root, wished)
    assert fragments.seen(root, wished) == wished
    once = xml.render(root)
    fragments.put(root, wished)
    assert xml.render(root) == once


@pytest.mark.parametrize(("path", "element"), [pair[:2] for pair in LACKED if pair[1]])
def test_what_else_is_there_stays(path: str, element: str) -> None:
    root = xml.parse(DOMAIN)
    fragments.put(root, wish(path, element))
    for tag in ("features/acpi", "features/hyperv/relaxed[@state='on']", "clock/timer[@name='pit']", "devices/hub"):
        assert root.find(tag) is not None
    arguments = [one.get("value") for one in root.iter(fragments.IN_ORDER)]
    assert arguments[:2] == ["-msg", "timestamp=on"]
    assert len(root.findall("devices/controller")) == 2
    assert xml.attribute(root, "clock", "offset") == "utc"


def test_only_that_element_goes() -> None:
    root = xml.parse(DOMAIN)
    fragments.put(root, wish("features/hyperv/vapic", ""))
    assert xml.render(root) == xml.render(xml.parse(DOMAIN.replace("<vapic state='off'/>", "")))


@pytest.mark.parametrize("element", ["", "<controller model='x'/>"])
def test_a_path_to_more_than_one_element_is_to_be_narrowed(element: str) -> None:
    root, wished = xml.parse(DOMAIN), wish("devices/controller", element)
    for look in (fragments.seen, fragments.put):
        with pytest.raises(PlanError, match="2 elements at devices/controller; narrow the path"):
            look(root, wished)  # type: ignore[operator]


def test_an_element_is_written_in_one_way() -> None:
    one, other = (
        wish("devices/hub", text)
        for text in ("<hub  b='2' a='1'>\n <x>t &amp; u</x></hub>", "<hub a='1' b='2'><x>t &amp; u </x></hub>")
    )
    assert one == other
    assert one.element == ("<hub a='1' b='2'>", "  <x>t &amp; u</x>", "</hub>")


@pytest.mark.parametrize("text", ["a'b", 'a"b', "a&b", "<a>", "a\tb", "a\nb", "ü"])
def test_any_text_arrives(text: str) -> None:
    element = xml.add(xml.Element("hub"), "x", text, note=text)
    again = fragments.parse("\n".join(fragments.lines(element)))
    assert (again.get("note"), (again.text or "").strip()) == (text, text)


GOOD = {"path": "features/hyperv", "element": "<hyperv/>"}
BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><hyperv>&a;</hyperv>"
BAD: list[tuple[dict[str, Any], str]] = [
    *[({"path": path}, "a path is names") for path in (
        "", "/", "/features", "features/", "a//b", ".", "..", "../x", "*", "devices/*", "//hub", "a[1]", "a[b]",
        "a[@b]", "a[@b='c]", "a[@b='c'", "{http://x}y", "x:y", "a b", "a\nb", "a[@b=\"c\"]", "a|b", "é",
        "a/" * 20 + "b",
        "devices/hub[@type='usb'] or 1",
    )],
    *[({"element": text}, says) for text, says in (
        ("<hyperv>", "no XML"), ("hyperv", "one element"), ("<hyperv/><hyperv/>", "one element"),
        ("<hyperv/>x", "one element"),
        ("</root><root>", "no XML"), ("<acpi/>", "the element is another"), (BOMB, "no control characters"),
        ("<hyperv><!-- x --></hyperv>", "no control characters"), ("<?xml version='1.0'?><hyperv/>", "no control"),
        ("<hyperv>&nbsp;</hyperv>", "no XML"), ("<hyperv>\x00</hyperv>", "no control"), ("<a:hyperv/>", "no XML"),
        ("<hyperv>" + "x" * 20000 + "</hyperv>", "at most 16384"), ("<hyperv a='1' a='2'/>", "no XML"),
        ("<hyperv><x:y xmlns:x='u'/></hyperv>", "other namespaces"), ("<hyperv xml:space='preserve'/>", "other namesp"),
        ("<hyperv>x&#13;y</hyperv>", "no control"), ("<hyperv a='x&#13;y'/>", "no control"),
        ("<hyperv><x/>y</hyperv>", "text between elements"),
        ("<hyperv><password>x</password></hyperv>", "is a secret"),
        ("<hyperv>" + "<x>" * 40 + "</x>" * 40 + "</hyperv>", "within one another"),
    )],
    *[({"path": path, "element": f"<{path.rpartition('/')[2]}/>"}, f"is written with {option}") for path, option in (
        ("name", "name"), ("uuid", "uuid"), ("description", "description"), ("memory", "memory_max"),
        ("currentMemory", "memory"), ("vcpu", "vcpus and vcpus_max"), ("os/type", "kvm.machine"),
        ("os/boot", "boot_order"), ("cpu/topology", "kvm.topology"), ("cpu/model", "kvm.cpu_model"),
        ("devices/disk", "disks and cdroms"), ("devices/disk/driver", "disks and cdroms"),
        ("devices/interface", "nics"),
        ("devices/tpm", "tpm"), ("devices/watchdog", "kvm.watchdog"), ("devices/hostdev", "kvm.pci_devices"),
    )],
    ({"path": "devices/disk[@device='cdrom']", "element": ""}, "is written with disks and cdroms"),
    ({"path": "metadata", "element": "<metadata/>"}, "metadata is not to be written"),
    ({"path": "devices", "element": "<devices><disk/></devices>"}, "is written with disks and cdroms"),
    ({"path": "os", "element": "<os firmware='efi'/>"}, "is written with firmware"),
    ({"path": "cpu", "element": "<cpu mode='maximum'/>"}, "is written with kvm.cpu_mode"),
    ({"path": "devices/graphics", "element": "<graphics type='vnc'/>"}, "is written with kvm.graphics"),
    ({"path": "devices/graphics", "element": "<graphics passwd='x'/>"}, "is a secret"),
    *[({"path": path, "element": ""}, "cannot go") for path in ("devices", "os", "cpu")],
    *[({"path": path, "element": ""}, "cannot go, for options are there for what it holds: type of devices/graphics")
      for path in ("devices/graphics", "devices/graphics[@type='vnc']")],
    ({"path": "cpu[@mode='maximum']", "element": "<cpu/>"}, "mode of cpu is written with kvm.cpu_mode"),
    ({"path": "os[@firmware='efi']/bios", "element": "<bios/>"}, "firmware of os is written with firmware"),
    *[({"path": path, "element": "<hub/>"}, "names an attribute once") for path in (
        "devices/hub[@type='usb'][@type='pci']", "devices[@x='1'][@y='1'][@x='1']/hub",
    )],
    ({"path": "devices/hub[@type='usb']", "element": "<hub type='pci'/>"}, "other attributes than its path"),
]  # fmt: skip


@pytest.mark.parametrize(("instead", "says"), BAD)
def test_what_cannot_be_written_is_refused(instead: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match="entry 1: ") as caught:
        fragments_of([GOOD, {**GOOD, **instead}])
    assert says in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_path_is_there_once() -> None:
    with pytest.raises(ValueError, match="features/hyperv is there more than once"):
        fragments_of([GOOD, GOOD])
    turned = [
        {"path": f"devices/controller{where}", "element": "<controller/>"}
        for where in ("[@type='usb'][@index='0']", "[@index='0'][@type='usb']")
    ]
    with pytest.raises(ValueError, match="is there more than once"):
        fragments_of(turned)
