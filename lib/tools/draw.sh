#!/bin/sh
# draw.sh [-s FILE] [-w COLUMNS] [-x WORDS] [-a PID] [COMMAND [ARGUMENT...]] - a sequence diagram from the kernel's trace
set -u
usage() {
    cat <<'END'
usage: ipc draw [-s FILE] [-w COLUMNS] [-x WORDS] COMMAND [ARGUMENT...]
       ipc draw [-s FILE] [-w COLUMNS] [-x WORDS] -a PID
  -a PID      a process that runs already, until Ctrl-C
  -s FILE     writes the picture into FILE, as SVG, instead of printing it as text
  -w COLUMNS  the width of the text (80), 40 to 1000: wider, it has room for more
              processes
  -x WORDS    leaves out the lines that begin with one of them: -x 'poll|SIGCHLD'
END
}
file=
width=80
pid=
unwanted=
while getopts :a:hs:w:x: option; do
    case $option in
    a) pid=$OPTARG ;;
    h) usage; exit 0 ;;
    s) file=$OPTARG ;;
    w) width=$OPTARG ;;
    x) unwanted="^($OPTARG)" ;;
    *) usage >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
case $width in *[!0-9]* | '' | ?????*) width=0 ;; esac
if [ "$width" -lt 40 ] || [ "$width" -gt 1000 ] || { [ $# = 0 ] && [ -z "$pid" ]; }; then
    usage >&2
    exit 2
fi
command -v strace >/dev/null || { echo "ipc draw: needs strace: apt-get install strace" >&2; exit 1; }

trace=$(mktemp) || exit 1
trap 'rm -f "$trace"' EXIT
trap : INT # it ends the command; the picture shows how far it has come
# With "?" a call that this processor does not have is no error.
calls='%process,%signal,%ipc,?read,?write,?readv,?writev,?close,?pipe,?pipe2,?socketpair,?dup2,?dup3,?open,?openat'
calls="$calls,?mknod,?mknodat,?send,?sendto,?sendmsg,?recv,?recvfrom,?recvmsg,?accept,?accept4,?connect,?shutdown,?splice"
calls="$calls,?poll,?ppoll,?select,?pselect6,?epoll_wait,?epoll_pwait,?futex,?flock,?fcntl,?mq_timedsend,?mq_timedreceive,?restart_syscall"
status=0
strace -f -ttt -T -yy -s 80 -o "$trace" -e trace="$calls" ${pid:+-p "$pid"} "$@" || status=$?
here=$(dirname "$0")
if [ -n "$file" ]; then
    awk -v svg=1 -v unwanted="$unwanted" -f "$here/svg.awk" -f "$here/draw.awk" "$trace" >"$file" && echo "ipc draw: the picture is in $file" >&2
else
    awk -v width="$width" -v unwanted="$unwanted" -f "$here/svg.awk" -f "$here/draw.awk" "$trace"
fi || exit 1
exit $status
