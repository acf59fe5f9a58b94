# LIO, the Linux kernel's target. Sourced by the guest's init, with TARGETS: one word a target,
# "NAME;KEY=VALUE;..." where KEY is userid, password, userid_mutual, password_mutual or a parameter of LIO's param/.

say() { echo "GUEST $*"; }
configfs=/sys/kernel/config
mount -t configfs none $configfs
mkdir -p $configfs/target/iscsi
mkdir -p $configfs/target/core/rd_mcp_0

disk=0
for target in $TARGETS; do
  name=${target%%;*}
  keys=$(echo "${target#"$name"}" | tr ';' ' ')
  store=$configfs/target/core/rd_mcp_0/disk$disk
  mkdir -p $store
  echo rd_pages=16384 > $store/control   # 64 MiB
  echo 1 > $store/enable

  group=$configfs/target/iscsi/iqn.2026-11.example:$name/tpgt_1
  mkdir -p $group/lun/lun_0 $group/np/10.0.2.15:3260
  ln -s $store $group/lun/lun_0/disk
  echo 1 > $group/attrib/generate_node_acls
  echo 0 > $group/attrib/demo_mode_write_protect
  echo 0 > $group/attrib/authentication
  for pair in $keys; do
    key=${pair%%=*}
    value=${pair#*=}
    case $key in
      userid | password | userid_mutual | password_mutual)
        echo 1 > $group/attrib/authentication
        printf %s "$value" > $group/auth/$key ;;
      *) echo "$value" > $group/param/$key ;;
    esac || say "fail $name: $key=$value"
  done
  echo 1 > $group/enable || say "fail $name: enable"
  disk=$((disk + 1))
done
say ready
while true; do sleep 3600; done
