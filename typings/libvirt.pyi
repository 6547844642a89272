# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of the part of libvirt-python that the collection uses: what the bindings of libvirt 9.0 (Debian 12) have.

The bindings come without types, and their own annotations call every list and mapping a string. stubtest, a
step of `bin/test lint`, compares this file with them.
"""

from collections.abc import Callable
from typing import TypedDict, TypeVar

_T = TypeVar("_T")

class _InterfaceAddress(TypedDict):
    addr: str
    prefix: int
    type: int

class _InterfaceAddresses(TypedDict):
    addrs: list[_InterfaceAddress] | None
    hwaddr: str

class _Lease(TypedDict):
    iface: str
    expirytime: int
    type: int
    mac: str | None
    iaid: str | None
    ipaddr: str
    prefix: int
    hostname: str | None
    clientid: str | None

class libvirtError(Exception):
    def __init__(self, defmsg: str) -> None: ...
    err: tuple[int, int, str, int, str | None, str | None, str | None, int, int] | None
    def get_error_code(self) -> int | None: ...
    def get_error_domain(self) -> int | None: ...
    def get_error_message(self) -> str | None: ...
    def get_error_level(self) -> int | None: ...
    def get_str1(self) -> str | None: ...
    def get_str2(self) -> str | None: ...
    def get_str3(self) -> str | None: ...
    def get_int1(self) -> int | None: ...
    def get_int2(self) -> int | None: ...

def open(name: str | None = None) -> virConnect: ...
def openReadOnly(name: str | None = None) -> virConnect: ...
def getVersion(name: str | None = None) -> int: ...
def registerErrorHandler(f: Callable[[_T, list[object]], None], ctx: _T) -> int: ...

class virConnect:
    def close(self) -> int: ...
    def isAlive(self) -> int: ...
    def getURI(self) -> str: ...
    def getType(self) -> str: ...
    def getHostname(self) -> str: ...
    def getVersion(self) -> int: ...
    def getLibVersion(self) -> int: ...
    def getCapabilities(self) -> str: ...
    def domainXMLToNative(self, nativeFormat: str, domainXml: str, flags: int = 0) -> str: ...
    def getDomainCapabilities(
        self,
        emulatorbin: str | None = None,
        arch: str | None = None,
        machine: str | None = None,
        virttype: str | None = None,
        flags: int = 0,
    ) -> str: ...
    # [model, memory in MiB, CPUs, MHz, NUMA nodes, sockets, cores, threads]
    def getInfo(self) -> tuple[str, int, int, int, int, int, int, int]: ...
    def listAllDomains(self, flags: int = 0) -> list[virDomain]: ...
    def lookupByName(self, name: str) -> virDomain: ...
    def lookupByUUIDString(self, uuidstr: str) -> virDomain: ...
    def defineXML(self, xml: str) -> virDomain: ...
    def defineXMLFlags(self, xml: str, flags: int = 0) -> virDomain: ...
    def createXML(self, xmlDesc: str, flags: int = 0) -> virDomain: ...
    def getAllDomainStats(
        self, stats: int = 0, flags: int = 0
    ) -> list[tuple[virDomain, dict[str, int | str | bool]]]: ...
    def domainListGetStats(
        self, doms: list[virDomain], stats: int = 0, flags: int = 0
    ) -> list[tuple[virDomain, dict[str, int | str | bool]]]: ...
    def listAllStoragePools(self, flags: int = 0) -> list[virStoragePool]: ...
    def storagePoolLookupByName(self, name: str) -> virStoragePool: ...
    def storagePoolLookupByTargetPath(self, path: str) -> virStoragePool: ...
    def storagePoolDefineXML(self, xml: str, flags: int = 0) -> virStoragePool: ...
    def storageVolLookupByPath(self, path: str) -> virStorageVol: ...
    def storageVolLookupByKey(self, key: str) -> virStorageVol: ...
    def listAllNetworks(self, flags: int = 0) -> list[virNetwork]: ...
    def networkLookupByName(self, name: str) -> virNetwork: ...
    def networkDefineXML(self, xml: str) -> virNetwork: ...
    def newStream(self, flags: int = 0) -> virStream: ...

class virDomain:
    def __init__(self, conn: virConnect, _obj: object = None) -> None: ...
    def connect(self) -> virConnect: ...
    def ID(self) -> int: ...
    def name(self) -> str: ...
    def UUIDString(self) -> str: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    def create(self) -> int: ...
    def createWithFlags(self, flags: int = 0) -> int: ...
    def shutdown(self) -> int: ...
    def shutdownFlags(self, flags: int = 0) -> int: ...
    def reboot(self, flags: int = 0) -> int: ...
    def reset(self, flags: int = 0) -> int: ...
    def resume(self) -> int: ...
    def pMWakeup(self, flags: int = 0) -> int: ...
    def destroy(self) -> int: ...
    def destroyFlags(self, flags: int = 0) -> int: ...
    def undefine(self) -> int: ...
    def undefineFlags(self, flags: int = 0) -> int: ...
    def rename(self, new_name: str, flags: int = 0) -> int: ...
    def setAutostart(self, autostart: int) -> int: ...
    def autostart(self) -> int: ...
    # [VIR_DOMAIN_RUNNING or another state, reason]
    def state(self, flags: int = 0) -> list[int]: ...
    # [state, maximum memory in KiB, memory in KiB, vcpus, CPU time in ns]
    def info(self) -> list[int]: ...
    def isActive(self) -> int: ...
    def isPersistent(self) -> int: ...
    def hasManagedSaveImage(self, flags: int = 0) -> int: ...
    def managedSaveRemove(self, flags: int = 0) -> int: ...
    def maxVcpus(self) -> int: ...
    def vcpusFlags(self, flags: int = 0) -> int: ...
    def setVcpusFlags(self, nvcpus: int, flags: int = 0) -> int: ...
    # KiB
    def maxMemory(self) -> int: ...
    def setMemoryFlags(self, memory: int, flags: int = 0) -> int: ...
    def memoryStats(self) -> dict[str, int]: ...
    def attachDeviceFlags(self, xml: str, flags: int = 0) -> int: ...
    def detachDeviceFlags(self, xml: str, flags: int = 0) -> int: ...
    def updateDeviceFlags(self, xml: str, flags: int = 0) -> int: ...
    # KiB, or bytes with VIR_DOMAIN_BLOCK_RESIZE_BYTES
    def blockResize(self, disk: str, size: int, flags: int = 0) -> int: ...
    # [capacity, allocation, physical size], bytes
    def blockInfo(self, path: str, flags: int = 0) -> list[int]: ...
    def interfaceAddresses(self, source: int, flags: int = 0) -> dict[str, _InterfaceAddresses]: ...
    def hostname(self, flags: int = 0) -> str: ...
    def metadata(self, type: int, uri: str | None, flags: int = 0) -> str: ...
    def setMetadata(self, type: int, metadata: str | None, key: str | None, uri: str | None, flags: int = 0) -> int: ...
    def listAllSnapshots(self, flags: int = 0) -> list[virDomainSnapshot]: ...
    def hasCurrentSnapshot(self, flags: int = 0) -> int: ...
    def snapshotCurrent(self, flags: int = 0) -> virDomainSnapshot: ...
    def snapshotLookupByName(self, name: str, flags: int = 0) -> virDomainSnapshot: ...
    def snapshotCreateXML(self, xmlDesc: str, flags: int = 0) -> virDomainSnapshot: ...
    def revertToSnapshot(self, snap: virDomainSnapshot, flags: int = 0) -> int: ...

class virDomainSnapshot:
    def __init__(self, dom: virDomain, _obj: object = None) -> None: ...
    def getName(self) -> str: ...
    def isCurrent(self, flags: int = 0) -> int: ...
    def getXMLDesc(self, flags: int = 0) -> str: ...
    def delete(self, flags: int = 0) -> int: ...

class virStoragePool:
    def __init__(self, conn: virConnect, _obj: object = None) -> None: ...
    def name(self) -> str: ...
    def UUIDString(self) -> str: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    def build(self, flags: int = 0) -> int: ...
    def create(self, flags: int = 0) -> int: ...
    def refresh(self, flags: int = 0) -> int: ...
    def setAutostart(self, autostart: int) -> int: ...
    def autostart(self) -> int: ...
    def isActive(self) -> int: ...
    def isPersistent(self) -> int: ...
    def destroy(self) -> int: ...
    def undefine(self) -> int: ...
    def delete(self, flags: int = 0) -> int: ...
    # state, capacity, allocation, available; in bytes
    def info(self) -> list[int]: ...
    def createXML(self, xmlDesc: str, flags: int = 0) -> virStorageVol: ...
    def createXMLFrom(self, xmlDesc: str, clonevol: virStorageVol, flags: int = 0) -> virStorageVol: ...
    def storageVolLookupByName(self, name: str) -> virStorageVol: ...
    def listAllVolumes(self, flags: int = 0) -> list[virStorageVol]: ...
    def listVolumes(self) -> list[str]: ...
    def numOfVolumes(self) -> int: ...

class virStorageVol:
    def __init__(self, conn: virConnect, _obj: object = None) -> None: ...
    def name(self) -> str: ...
    def key(self) -> str: ...
    def path(self) -> str: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    # type, capacity, allocation; in bytes
    def info(self) -> list[int]: ...
    def resize(self, capacity: int, flags: int = 0) -> int: ...
    def delete(self, flags: int = 0) -> int: ...
    def wipe(self, flags: int = 0) -> int: ...
    def upload(self, stream: virStream, offset: int, length: int, flags: int = 0) -> int: ...
    def storagePoolLookupByVolume(self) -> virStoragePool: ...

class virNetwork:
    def __init__(self, conn: virConnect, _obj: object = None) -> None: ...
    def name(self) -> str: ...
    def UUIDString(self) -> str: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    def bridgeName(self) -> str: ...
    def create(self) -> int: ...
    def destroy(self) -> int: ...
    def undefine(self) -> int: ...
    def setAutostart(self, autostart: int) -> int: ...
    def autostart(self) -> int: ...
    def isActive(self) -> int: ...
    def isPersistent(self) -> int: ...
    def listAllPorts(self, flags: int = 0) -> list[virNetworkPort]: ...
    def DHCPLeases(self, mac: str | None = None, flags: int = 0) -> list[_Lease]: ...
    def update(self, command: int, section: int, parentIndex: int, xml: str, flags: int = 0) -> int: ...

class virNetworkPort:
    def __init__(self, net: virNetwork, _obj: object = None) -> None: ...
    def UUIDString(self) -> str: ...
    def XMLDesc(self, flags: int = 0) -> str: ...
    def delete(self, flags: int = 0) -> int: ...

class virStream:
    def __init__(self, conn: virConnect, _obj: object = None) -> None: ...
    def send(self, data: bytes) -> int: ...
    def sendAll(self, handler: Callable[[virStream, int, _T], bytes], opaque: _T) -> None: ...
    def finish(self) -> int: ...
    def abort(self) -> int: ...

VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_OTHER: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF: int
VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT: int
VIR_CONNECT_LIST_DOMAINS_ACTIVE: int
VIR_CONNECT_LIST_DOMAINS_AUTOSTART: int
VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT: int
VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT: int
VIR_CONNECT_LIST_DOMAINS_INACTIVE: int
VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE: int
VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART: int
VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT: int
VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE: int
VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT: int
VIR_CONNECT_LIST_DOMAINS_OTHER: int
VIR_CONNECT_LIST_DOMAINS_PAUSED: int
VIR_CONNECT_LIST_DOMAINS_PERSISTENT: int
VIR_CONNECT_LIST_DOMAINS_RUNNING: int
VIR_CONNECT_LIST_DOMAINS_SHUTOFF: int
VIR_CONNECT_LIST_DOMAINS_TRANSIENT: int
VIR_CONNECT_LIST_INTERFACES_ACTIVE: int
VIR_CONNECT_LIST_INTERFACES_INACTIVE: int
VIR_CONNECT_LIST_NETWORKS_ACTIVE: int
VIR_CONNECT_LIST_NETWORKS_AUTOSTART: int
VIR_CONNECT_LIST_NETWORKS_INACTIVE: int
VIR_CONNECT_LIST_NETWORKS_NO_AUTOSTART: int
VIR_CONNECT_LIST_NETWORKS_PERSISTENT: int
VIR_CONNECT_LIST_NETWORKS_TRANSIENT: int
VIR_CONNECT_LIST_NODE_DEVICES_ACTIVE: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_CARD: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_MATRIX: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_QUEUE: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_CCW_DEV: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_CSS_DEV: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_DRM: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_FC_HOST: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV_TYPES: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_GENERIC: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_HOST: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_TARGET: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_STORAGE: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_SYSTEM: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_DEV: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_INTERFACE: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_VDPA: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPD: int
VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPORTS: int
VIR_CONNECT_LIST_NODE_DEVICES_INACTIVE: int
VIR_CONNECT_LIST_SECRETS_EPHEMERAL: int
VIR_CONNECT_LIST_SECRETS_NO_EPHEMERAL: int
VIR_CONNECT_LIST_SECRETS_NO_PRIVATE: int
VIR_CONNECT_LIST_SECRETS_PRIVATE: int
VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE: int
VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART: int
VIR_CONNECT_LIST_STORAGE_POOLS_DIR: int
VIR_CONNECT_LIST_STORAGE_POOLS_DISK: int
VIR_CONNECT_LIST_STORAGE_POOLS_FS: int
VIR_CONNECT_LIST_STORAGE_POOLS_GLUSTER: int
VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE: int
VIR_CONNECT_LIST_STORAGE_POOLS_ISCSI: int
VIR_CONNECT_LIST_STORAGE_POOLS_ISCSI_DIRECT: int
VIR_CONNECT_LIST_STORAGE_POOLS_LOGICAL: int
VIR_CONNECT_LIST_STORAGE_POOLS_MPATH: int
VIR_CONNECT_LIST_STORAGE_POOLS_NETFS: int
VIR_CONNECT_LIST_STORAGE_POOLS_NO_AUTOSTART: int
VIR_CONNECT_LIST_STORAGE_POOLS_PERSISTENT: int
VIR_CONNECT_LIST_STORAGE_POOLS_RBD: int
VIR_CONNECT_LIST_STORAGE_POOLS_SCSI: int
VIR_CONNECT_LIST_STORAGE_POOLS_SHEEPDOG: int
VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT: int
VIR_CONNECT_LIST_STORAGE_POOLS_VSTORAGE: int
VIR_CONNECT_LIST_STORAGE_POOLS_ZFS: int
VIR_DOMAIN_AFFECT_CONFIG: int
VIR_DOMAIN_AFFECT_CURRENT: int
VIR_DOMAIN_AFFECT_LIVE: int
VIR_DOMAIN_BLOCKED: int
VIR_DOMAIN_BLOCK_RESIZE_BYTES: int
VIR_DOMAIN_CRASHED: int
VIR_DOMAIN_DEFINE_VALIDATE: int
VIR_DOMAIN_DESTROY_DEFAULT: int
VIR_DOMAIN_DESTROY_GRACEFUL: int
VIR_DOMAIN_DESTROY_REMOVE_LOGS: int
VIR_DOMAIN_DEVICE_MODIFY_CONFIG: int
VIR_DOMAIN_DEVICE_MODIFY_CURRENT: int
VIR_DOMAIN_DEVICE_MODIFY_FORCE: int
VIR_DOMAIN_DEVICE_MODIFY_LIVE: int
VIR_DOMAIN_GUEST_INFO_DISKS: int
VIR_DOMAIN_GUEST_INFO_FILESYSTEM: int
VIR_DOMAIN_GUEST_INFO_HOSTNAME: int
VIR_DOMAIN_GUEST_INFO_INTERFACES: int
VIR_DOMAIN_GUEST_INFO_OS: int
VIR_DOMAIN_GUEST_INFO_TIMEZONE: int
VIR_DOMAIN_GUEST_INFO_USERS: int
VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT: int
VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP: int
VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE: int
VIR_DOMAIN_MEM_CONFIG: int
VIR_DOMAIN_MEM_CURRENT: int
VIR_DOMAIN_MEM_LIVE: int
VIR_DOMAIN_MEM_MAXIMUM: int
VIR_DOMAIN_METADATA_DESCRIPTION: int
VIR_DOMAIN_METADATA_ELEMENT: int
VIR_DOMAIN_METADATA_TITLE: int
VIR_DOMAIN_NOSTATE: int
VIR_DOMAIN_NOSTATE_UNKNOWN: int
VIR_DOMAIN_PAUSED: int
VIR_DOMAIN_PMSUSPENDED: int
VIR_DOMAIN_REBOOT_ACPI_POWER_BTN: int
VIR_DOMAIN_REBOOT_DEFAULT: int
VIR_DOMAIN_REBOOT_GUEST_AGENT: int
VIR_DOMAIN_REBOOT_INITCTL: int
VIR_DOMAIN_REBOOT_PARAVIRT: int
VIR_DOMAIN_REBOOT_SIGNAL: int
VIR_DOMAIN_RUNNING: int
VIR_DOMAIN_SHUTDOWN: int
VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN: int
VIR_DOMAIN_SHUTDOWN_DEFAULT: int
VIR_DOMAIN_SHUTDOWN_GUEST_AGENT: int
VIR_DOMAIN_SHUTDOWN_INITCTL: int
VIR_DOMAIN_SHUTDOWN_PARAVIRT: int
VIR_DOMAIN_SHUTDOWN_SIGNAL: int
VIR_DOMAIN_SHUTOFF: int
VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC: int
VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT: int
VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY: int
VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE: int
VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE: int
VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT: int
VIR_DOMAIN_SNAPSHOT_XML_SECURE: int
VIR_DOMAIN_START_AUTODESTROY: int
VIR_DOMAIN_START_BYPASS_CACHE: int
VIR_DOMAIN_START_FORCE_BOOT: int
VIR_DOMAIN_START_PAUSED: int
VIR_DOMAIN_START_RESET_NVRAM: int
VIR_DOMAIN_START_VALIDATE: int
VIR_DOMAIN_STATS_BALLOON: int
VIR_DOMAIN_STATS_BLOCK: int
VIR_DOMAIN_STATS_CPU_TOTAL: int
VIR_DOMAIN_STATS_DIRTYRATE: int
VIR_DOMAIN_STATS_INTERFACE: int
VIR_DOMAIN_STATS_IOTHREAD: int
VIR_DOMAIN_STATS_MEMORY: int
VIR_DOMAIN_STATS_PERF: int
VIR_DOMAIN_STATS_STATE: int
VIR_DOMAIN_STATS_VCPU: int
VIR_DOMAIN_STATS_VM: int
VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA: int
VIR_DOMAIN_UNDEFINE_KEEP_NVRAM: int
VIR_DOMAIN_UNDEFINE_KEEP_TPM: int
VIR_DOMAIN_UNDEFINE_MANAGED_SAVE: int
VIR_DOMAIN_UNDEFINE_NVRAM: int
VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA: int
VIR_DOMAIN_UNDEFINE_TPM: int
VIR_DOMAIN_VCPU_CONFIG: int
VIR_DOMAIN_VCPU_CURRENT: int
VIR_DOMAIN_VCPU_GUEST: int
VIR_DOMAIN_VCPU_HOTPLUGGABLE: int
VIR_DOMAIN_VCPU_LIVE: int
VIR_DOMAIN_VCPU_MAXIMUM: int
VIR_DOMAIN_XML_INACTIVE: int
VIR_DOMAIN_XML_MIGRATABLE: int
VIR_DOMAIN_XML_SECURE: int
VIR_DOMAIN_XML_UPDATE_CPU: int
VIR_ERR_ACCESS_DENIED: int
VIR_ERR_AGENT_UNRESPONSIVE: int
VIR_ERR_AGENT_UNSYNCED: int
VIR_ERR_ARGUMENT_UNSUPPORTED: int
VIR_ERR_AUTH_CANCELLED: int
VIR_ERR_AUTH_FAILED: int
VIR_ERR_AUTH_UNAVAILABLE: int
VIR_ERR_BLOCK_COPY_ACTIVE: int
VIR_ERR_BUILD_FIREWALL: int
VIR_ERR_CALL_FAILED: int
VIR_ERR_CHECKPOINT_INCONSISTENT: int
VIR_ERR_CONFIG_UNSUPPORTED: int
VIR_ERR_CONF_SYNTAX: int
VIR_ERR_CPU_INCOMPATIBLE: int
VIR_ERR_DBUS_SERVICE: int
VIR_ERR_DEVICE_MISSING: int
VIR_ERR_DOM_EXIST: int
VIR_ERR_DRIVER_FULL: int
VIR_ERR_ERROR: int
VIR_ERR_GET_FAILED: int
VIR_ERR_GNUTLS_ERROR: int
VIR_ERR_HOOK_SCRIPT_FAILED: int
VIR_ERR_HTTP_ERROR: int
VIR_ERR_INTERNAL_ERROR: int
VIR_ERR_INVALID_ARG: int
VIR_ERR_INVALID_CONN: int
VIR_ERR_INVALID_DOMAIN: int
VIR_ERR_INVALID_DOMAIN_CHECKPOINT: int
VIR_ERR_INVALID_DOMAIN_SNAPSHOT: int
VIR_ERR_INVALID_INTERFACE: int
VIR_ERR_INVALID_MAC: int
VIR_ERR_INVALID_NETWORK: int
VIR_ERR_INVALID_NETWORK_PORT: int
VIR_ERR_INVALID_NODE_DEVICE: int
VIR_ERR_INVALID_NWFILTER: int
VIR_ERR_INVALID_NWFILTER_BINDING: int
VIR_ERR_INVALID_SECRET: int
VIR_ERR_INVALID_STORAGE_POOL: int
VIR_ERR_INVALID_STORAGE_VOL: int
VIR_ERR_INVALID_STREAM: int
VIR_ERR_LIBSSH: int
VIR_ERR_MIGRATE_FINISH_OK: int
VIR_ERR_MIGRATE_PERSIST_FAILED: int
VIR_ERR_MIGRATE_UNSAFE: int
VIR_ERR_MULTIPLE_DOMAINS: int
VIR_ERR_MULTIPLE_INTERFACES: int
VIR_ERR_NETWORK_EXIST: int
VIR_ERR_NETWORK_PORT_EXIST: int
VIR_ERR_NONE: int
VIR_ERR_NO_CLIENT: int
VIR_ERR_NO_CONNECT: int
VIR_ERR_NO_DEVICE: int
VIR_ERR_NO_DOMAIN: int
VIR_ERR_NO_DOMAIN_BACKUP: int
VIR_ERR_NO_DOMAIN_CHECKPOINT: int
VIR_ERR_NO_DOMAIN_METADATA: int
VIR_ERR_NO_DOMAIN_SNAPSHOT: int
VIR_ERR_NO_HOSTNAME: int
VIR_ERR_NO_INTERFACE: int
VIR_ERR_NO_KERNEL: int
VIR_ERR_NO_MEMORY: int
VIR_ERR_NO_NAME: int
VIR_ERR_NO_NETWORK: int
VIR_ERR_NO_NETWORK_PORT: int
VIR_ERR_NO_NODE_DEVICE: int
VIR_ERR_NO_NWFILTER: int
VIR_ERR_NO_NWFILTER_BINDING: int
VIR_ERR_NO_OS: int
VIR_ERR_NO_ROOT: int
VIR_ERR_NO_SECRET: int
VIR_ERR_NO_SECURITY_MODEL: int
VIR_ERR_NO_SERVER: int
VIR_ERR_NO_SOURCE: int
VIR_ERR_NO_STORAGE_POOL: int
VIR_ERR_NO_STORAGE_VOL: int
VIR_ERR_NO_SUPPORT: int
VIR_ERR_NO_TARGET: int
VIR_ERR_NO_XEN: int
VIR_ERR_NO_XENSTORE: int
VIR_ERR_OK: int
VIR_ERR_OPEN_FAILED: int
VIR_ERR_OPERATION_ABORTED: int
VIR_ERR_OPERATION_DENIED: int
VIR_ERR_OPERATION_FAILED: int
VIR_ERR_OPERATION_INVALID: int
VIR_ERR_OPERATION_TIMEOUT: int
VIR_ERR_OPERATION_UNSUPPORTED: int
VIR_ERR_OS_TYPE: int
VIR_ERR_OVERFLOW: int
VIR_ERR_PARSE_FAILED: int
VIR_ERR_POST_FAILED: int
VIR_ERR_READ_FAILED: int
VIR_ERR_RESOURCE_BUSY: int
VIR_ERR_RPC: int
VIR_ERR_SEXPR_SERIAL: int
VIR_ERR_SNAPSHOT_REVERT_RISKY: int
VIR_ERR_SSH: int
VIR_ERR_STORAGE_POOL_BUILT: int
VIR_ERR_STORAGE_PROBE_FAILED: int
VIR_ERR_STORAGE_VOL_EXIST: int
VIR_ERR_SYSTEM_ERROR: int
VIR_ERR_UNKNOWN_HOST: int
VIR_ERR_WARNING: int
VIR_ERR_WRITE_FAILED: int
VIR_ERR_XEN_CALL: int
VIR_ERR_XML_DETAIL: int
VIR_ERR_XML_ERROR: int
VIR_ERR_XML_INVALID_SCHEMA: int
VIR_IP_ADDR_TYPE_IPV4: int
VIR_IP_ADDR_TYPE_IPV6: int
VIR_NETWORK_DEFINE_VALIDATE: int
VIR_NETWORK_SECTION_BRIDGE: int
VIR_NETWORK_SECTION_DNS_HOST: int
VIR_NETWORK_SECTION_DNS_SRV: int
VIR_NETWORK_SECTION_DNS_TXT: int
VIR_NETWORK_SECTION_DOMAIN: int
VIR_NETWORK_SECTION_FORWARD: int
VIR_NETWORK_SECTION_FORWARD_INTERFACE: int
VIR_NETWORK_SECTION_FORWARD_PF: int
VIR_NETWORK_SECTION_IP: int
VIR_NETWORK_SECTION_IP_DHCP_HOST: int
VIR_NETWORK_SECTION_IP_DHCP_RANGE: int
VIR_NETWORK_SECTION_NONE: int
VIR_NETWORK_SECTION_PORTGROUP: int
VIR_NETWORK_UPDATE_AFFECT_CONFIG: int
VIR_NETWORK_UPDATE_AFFECT_CURRENT: int
VIR_NETWORK_UPDATE_AFFECT_LIVE: int
VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST: int
VIR_NETWORK_UPDATE_COMMAND_DELETE: int
VIR_NETWORK_UPDATE_COMMAND_MODIFY: int
VIR_NETWORK_UPDATE_COMMAND_NONE: int
VIR_NETWORK_XML_INACTIVE: int
VIR_STORAGE_POOL_BUILDING: int
VIR_STORAGE_POOL_BUILD_NEW: int
VIR_STORAGE_POOL_BUILD_NO_OVERWRITE: int
VIR_STORAGE_POOL_BUILD_OVERWRITE: int
VIR_STORAGE_POOL_BUILD_REPAIR: int
VIR_STORAGE_POOL_BUILD_RESIZE: int
VIR_STORAGE_POOL_CREATE_NORMAL: int
VIR_STORAGE_POOL_CREATE_WITH_BUILD: int
VIR_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE: int
VIR_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE: int
VIR_STORAGE_POOL_DEFINE_VALIDATE: int
VIR_STORAGE_POOL_DEGRADED: int
VIR_STORAGE_POOL_DELETE_NORMAL: int
VIR_STORAGE_POOL_DELETE_ZEROED: int
VIR_STORAGE_POOL_EVENT_CREATED: int
VIR_STORAGE_POOL_EVENT_DEFINED: int
VIR_STORAGE_POOL_EVENT_DELETED: int
VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE: int
VIR_STORAGE_POOL_EVENT_ID_REFRESH: int
VIR_STORAGE_POOL_EVENT_STARTED: int
VIR_STORAGE_POOL_EVENT_STOPPED: int
VIR_STORAGE_POOL_EVENT_UNDEFINED: int
VIR_STORAGE_POOL_INACCESSIBLE: int
VIR_STORAGE_POOL_INACTIVE: int
VIR_STORAGE_POOL_RUNNING: int
VIR_STORAGE_VOL_BLOCK: int
VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA: int
VIR_STORAGE_VOL_CREATE_REFLINK: int
VIR_STORAGE_VOL_CREATE_VALIDATE: int
VIR_STORAGE_VOL_DELETE_NORMAL: int
VIR_STORAGE_VOL_DELETE_WITH_SNAPSHOTS: int
VIR_STORAGE_VOL_DELETE_ZEROED: int
VIR_STORAGE_VOL_DIR: int
VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM: int
VIR_STORAGE_VOL_FILE: int
VIR_STORAGE_VOL_GET_PHYSICAL: int
VIR_STORAGE_VOL_NETDIR: int
VIR_STORAGE_VOL_NETWORK: int
VIR_STORAGE_VOL_PLOOP: int
VIR_STORAGE_VOL_RESIZE_ALLOCATE: int
VIR_STORAGE_VOL_RESIZE_DELTA: int
VIR_STORAGE_VOL_RESIZE_SHRINK: int
VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM: int
VIR_STORAGE_VOL_USE_ALLOCATION: int
VIR_STORAGE_VOL_WIPE_ALG_BSI: int
VIR_STORAGE_VOL_WIPE_ALG_DOD: int
VIR_STORAGE_VOL_WIPE_ALG_GUTMANN: int
VIR_STORAGE_VOL_WIPE_ALG_NNSA: int
VIR_STORAGE_VOL_WIPE_ALG_PFITZNER33: int
VIR_STORAGE_VOL_WIPE_ALG_PFITZNER7: int
VIR_STORAGE_VOL_WIPE_ALG_RANDOM: int
VIR_STORAGE_VOL_WIPE_ALG_SCHNEIER: int
VIR_STORAGE_VOL_WIPE_ALG_TRIM: int
VIR_STORAGE_VOL_WIPE_ALG_ZERO: int
VIR_STORAGE_XML_INACTIVE: int
VIR_FROM_DOMAIN: int
VIR_FROM_NETWORK: int
VIR_FROM_QEMU: int
VIR_FROM_STORAGE: int
