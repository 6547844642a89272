#!/bin/sh
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes /srv/tiny on the host: its own kernel, and an initrd of a busybox that keeps saying what the guest has, in MiB, and processors by number.
set -eu
work=$(mktemp -d)
mkdir -p /srv/tiny "$work/bin" "$work/sbin" "$work/dev" "$work/proc" "$work/sys" "$work/modules"
cp /boot/vmlinuz-"$(uname -r)" /srv/tiny/vmlinuz
cp /bin/busybox "$work/bin/"
for name in xen-blkfront xen-netfront; do
    find /lib/modules/"$(uname -r)" -name "$name.ko*" -exec cp {} "$work/modules/" \;
done
cat >"$work/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in /modules/*; do insmod "$module"; done
# Words of the shell alone, and of short files: under emulation every process is felt by all the other guests.
while :; do
    sleep 2
    disks='' cards=''
    # What udev does in a whole system: start the processors that the hypervisor has added.
    for file in /sys/devices/system/cpu/cpu[1-9]*/online; do
        [ -e "$file" ] && read -r online <"$file" && [ "$online" = 0 ] && echo 1 >"$file"
    done
    read -r cpus </sys/devices/system/cpu/online
    read -r _ memory _ </proc/meminfo
    for file in /sys/block/xvd*; do
        [ -e "$file" ] && read -r size <"$file/size" && disks=$disks${file##*/}:$((size / 2048)),
    done
    for file in /sys/class/net/eth*; do
        [ -e "$file" ] && read -r mac <"$file/address" && cards=$cards$mac,
    done
    echo "TINY cpus=$cpus memory=$((memory / 1024)) disks=$disks cards=$cards"
done
END
# What the kernel runs when the hypervisor asks it to shut down.
printf '#!/bin/busybox sh\n/bin/busybox poweroff -f\n' >"$work/sbin/poweroff"
chmod 755 "$work/init" "$work/sbin/poweroff"
cd "$work"
find . | busybox cpio -o -H newc | gzip >/srv/tiny/initrd
rm -rf "$work"
