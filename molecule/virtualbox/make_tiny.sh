#!/bin/sh
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes /srv/tiny/tiny.iso on the host: its own kernel, and an initrd of a busybox that keeps saying what the guest has, disks in MiB.
set -eu
work=$(mktemp -d)
root=$work/root
mkdir -p /srv/tiny "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/modules" "$work/iso/boot/grub"
cp /boot/vmlinuz-"$(uname -r)" "$work/iso/boot/vmlinuz"
cp /bin/busybox "$root/bin/"
# In the order in which they can be loaded. busybox cannot read what is compressed.
for name in ahci sd_mod button evdev; do
    modprobe --show-depends "$name" | while read -r _ path _; do
        case "$path" in
            *.ko.xz) xz -dc "$path" >"$root/modules/$(basename "$path" .xz)" ;;
            *.ko.zst) zstd -dcq "$path" >"$root/modules/$(basename "$path" .zst)" ;;
            *.ko) cp "$path" "$root/modules/" ;;
            *) continue ;;
        esac
        file=$(basename "$path")
        echo "${file%.ko*}.ko"
    done
done | awk '!seen[$0]++' >"$root/modules/order"
cat >"$root/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
# Whatever is pressed is the power button: nobody sits at a keyboard.
for device in /dev/input/event*; do
    grep -q Power "/sys/class/input/${device##*/}/device/name" || continue
    (dd if="$device" of=/dev/null bs=24 count=1 2>/dev/null && echo TINY powers off && poweroff -f) &
done
while :; do
    disks=''
    for file in /sys/block/sd*; do
        [ -e "$file" ] && read -r size <"$file/size" && disks=$disks${file##*/}:$((size / 2048)),
    done
    read -r _ memory _ </proc/meminfo
    echo "TINY memory=$((memory / 1024)) disks=$disks"
    sleep 2
done
END
chmod 755 "$root/init"
(cd "$root" && find . | busybox cpio -o -H newc | gzip) >"$work/iso/boot/initrd"
# Under emulation its kernel has fallen over its own tests of what the processor can.
cat >"$work/iso/boot/grub/grub.cfg" <<'END'
set timeout=0
linux /boot/vmlinuz console=ttyS0 noxsave cryptomgr.notests
initrd /boot/initrd
boot
END
grub-mkrescue --output="$work/tiny.iso" "$work/iso" >/dev/null 2>&1
mv "$work/tiny.iso" /srv/tiny/tiny.iso
chmod 644 /srv/tiny/tiny.iso
rm -rf "$work"
