# The Linux kernel's initiator at work on one disk. Sourced by the guest's init, with PORT and IQN, and PARAMETERS:
# what iscsistart is given by -P, separated by spaces; HEADER and DATA: 1 where that digest must be on.

say() { echo "GUEST $*"; }
must() {  # must WHAT COMMAND...
  what=$1; shift
  if "$@" > /tmp/out 2>&1; then say "ok $what"; else say "fail $what: $(tr '\n' ' ' < /tmp/out | tail -c 300)"; fi
}
drop_caches() { sync; echo 3 > /proc/sys/vm/drop_caches; }

arguments=
for parameter in $PARAMETERS; do arguments="$arguments -P $parameter"; done
must "login" iscsistart -i iqn.2026-11.example:linux -t "$IQN" -g 1 -a 10.0.2.2 -p "$PORT" $arguments

connection=$(ls -d /sys/class/iscsi_connection/* 2>/dev/null | head -n 1)
must "header digest is $HEADER" [ "$(cat $connection/header_digest)" = "$HEADER" ]
must "data digest is $DATA" [ "$(cat $connection/data_digest)" = "$DATA" ]
for key in max_xmit_dlength max_recv_dlength; do say "note $key $(cat $connection/$key)"; done

tries=0
while [ ! -b "$DISK" ] && [ $tries -lt 50 ]; do sleep 0.2; tries=$((tries + 1)); done
must "the disk is there" [ -b "$DISK" ]

dd if=/dev/urandom of=/tmp/random bs=64k count=128 2>/dev/null
must "write 8 MiB" dd if=/tmp/random of="$DISK" bs=1M conv=fsync
drop_caches
must "read back in other blocks" sh -c "dd if=$DISK bs=56k iflag=fullblock 2>/dev/null | head -c 8388608 | cmp - /tmp/random"
must "write at an odd place" dd if=/tmp/random of="$DISK" bs=512 seek=40007 count=333 conv=fsync
drop_caches
must "read it back" sh -c "dd if=$DISK bs=512 skip=40007 count=333 2>/dev/null | cmp -n 170496 - /tmp/random"

must "mkfs.ext4" mkfs.ext4 -q -F "$DISK"
must "mount" mount -t ext4 "$DISK" /mnt
must "copy files" cp -a /bin /lib /modules /tmp/random /mnt/
must "unmount" umount /mnt
drop_caches
must "mount again" mount -t ext4 -o ro "$DISK" /mnt
must "compare files" diff -r /modules /mnt/modules
must "compare the large file" cmp /tmp/random /mnt/random
must "unmount again" umount /mnt
must "fsck" e2fsck -f -n "$DISK"
