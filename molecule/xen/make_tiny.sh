#!/bin/sh
# Copyright: the hostforge.hypervisor contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes /srv/tiny on the host: its own kernel, and an initrd of a busybox that says every second what the guest has.
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
while :; do
    sleep 1
    memory=$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
    echo "TINY cpus=$(grep -c ^processor /proc/cpuinfo) memory=$memory disks=$(ls /sys/block | tr '\n' ,) cards=$(ls /sys/class/net | tr '\n' ,)"
done
END
# What the kernel runs when the hypervisor asks it to shut down.
printf '#!/bin/busybox sh\n/bin/busybox poweroff -f\n' >"$work/sbin/poweroff"
chmod 755 "$work/init" "$work/sbin/poweroff"
cd "$work"
find . | busybox cpio -o -H newc | gzip >/srv/tiny/initrd
rm -rf "$work"
