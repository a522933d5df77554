# draw.awk - from the output of strace -f -ttt -T -yy to a sequence diagram: text of `width` columns, or SVG (svg=1)
#
# An event is a line of one process: a call that has returned, one that sleeps, a signal, its end. `source` is the process
# that made it possible: the writer of what was read, the sender of a signal, the child that was waited for.

BEGIN {
    GIVES = "^(write|send|msgsnd|mq_send|close|msgctl|semctl)" # what it does may arrive before it returns
    PLENTY = 1e9
    SLOW = 0.001          # a call that takes longer is shown as one that sleeps
    FIRST = 90; LAST = 60 # of a long trace only so many events are kept
    split("clone fork clone3 fork vfork fork wait4 wait waitid wait openat open pselect6 select ppoll poll " \
        "epoll_pwait epoll_wait recvfrom recv sendto send accept4 accept pipe2 pipe semtimedop semop mknodat mkfifo " \
        "mknod mkfifo mq_timedsend mq_send mq_timedreceive mq_receive rt_sigtimedwait sigwait rt_sigsuspend sigsuspend " \
        "tgkill kill rt_sigqueueinfo sigqueue", pairs, " ")
    for (i = 1; i in pairs; i += 2) { plain[pairs[i]] = pairs[i + 1]; stands[pairs[i + 1]] = pairs[i] }
}

# ---- Events ----

function slot(i) { return i <= FIRST ? i : FIRST + 1 + (i - FIRST - 1) % LAST }

function kind(text) {
    if (text ~ /MSG_|\) \.\.\.$/) return text
    if (text ~ /^(read|write|send|recv|msg|mq_|semop|close|accept)/) sub(/[,)].*/, text ~ /= 0$/ ? "0" : text ~ /= -1/ ? "-1" : "", text)
    return text
}

# The same again, with other data only, is counted and not shown.
function event(t, p, text, from, to,    s, like) {
    if (!(p in born)) born[p] = t
    if (unwanted != "" && text ~ unwanted) return 0
    if (!(p in busy)) process[++processes] = p
    busy[p]++
    like = kind(text)
    s = slot(n)
    if (n && who[s] == p && alike[s] == like && source[s] == from && !to) { times[s]++; return n }
    s = slot(++n)
    if (s in who && !gone[s]) dropped++
    when[s] = t; who[s] = p; what[s] = text; source[s] = from; target[s] = to; times[s] = 1; gone[s] = 0
    alike[s] = to || text ~ /^\.\.\.|\) \.\.\.$/ ? "" : like
    return n
}

# What a descriptor refers to, if that is for communication: the same for both ends of a connection.
function object(args, reads,    o, ends) {
    if (!match(args, /^[0-9]+<[^<>]*(->[^<>]*)?>/)) return ""
    o = substr(args, 1, RLENGTH - 1); sub(/^[0-9]+</, "", o)
    if (o ~ /^pipe:/ && args ~ /^[0-2]</ && !(o in made)) return "" # its own stdin or stdout
    if (o ~ /^pipe:/ || o in fifo) return o
    if (o ~ /^(UNIX|TCP|\(null\):)/) { # strace 5.10 knows a socket by its ends only
        sub(/^[^[]*\[/, "", o); sub(/[],].*/, "", o)
        if (split(o, ends, "->") == 2) return reads ? ends[2] "->" ends[1] : o
        return "socket " o
    }
    if (args ~ /^[0-2]</ || o !~ /^\/[^\/]*$/) return ""
    return o # a POSIX queue
}

function flags(text) { return substr(text, 1, match(text "|", /\|/) - 1) (text ~ /O_NONBLOCK/ ? "|O_NONBLOCK" : "") }

# "read(3) = 5 "hello"": the call as stories print it.
function call_text(c, args, result,    data, first, f) {
    data = ""
    if (c ~ /^(write|read|send|recv|msgsnd|msgrcv|mq_send|mq_receive)/ && match(args, /"([^"\\]|\\.)*"(\.\.\.)?/))
        data = substr(args, RSTART, RLENGTH)
    if (data ~ /^"(\\0)+"/) data = "" # nothing to see
    gsub(/\\0(\\0)+/, "\\0..", data)
    if (length(data) > 28) data = substr(data, 1, 25) "\"..."
    gsub(/>\(deleted\)/, ">", args)
    while (gsub(/<[^<>]*(->[^<>]*)?>/, "", args)) continue # <.../null<char 1:3>> is nested
    if (c ~ /^(pipe|socketpair)$/) { match(args, /\[[0-9, ]*\]/); return c "() = " substr(args, RSTART + 1, RLENGTH - 2) }
    split(args, f, ", ")
    first = f[1]
    if (c ~ /^(fork|wait|poll|select|futex|pause|sigsuspend|sigwait|accept)$/) first = c == "accept" ? first : ""
    if (c ~ /^(open|mkfifo)$/) { # openat() has a folder before the path
        first = path_of(args); sub(/.*\//, "", first)
        if (c == "open") first = first ", " flags(f[args ~ /^"/ ? 2 : 3])
    }
    if (c == "semop" && match(args, /sem_op=-?[0-9]+|\{[0-9]+, -?[0-9]+/)) {
        data = substr(args, RSTART, RLENGTH); gsub(/.*[=, ]/, "", data); first = first ", " data; data = ""
    }
    if (match(args, /MSG_(OOB|PEEK)/)) data = (data == "" ? "" : data ", ") substr(args, RSTART, RLENGTH)
    if (c == "msgsnd" && data == "") first = first ", " f[split(args, f, ", ") - 1]
    if (c ~ /^(msgctl|semctl|shmctl)$/) first = first ", IPC_RMID"
    if (c == "kill") first = f[split(args, f, ", ") - 1] ", " f[split(args, f, ", ")]
    if (c ~ /^(dup2|dup3)$/) first = first ", " f[2]
    sub(/ +$/, "", first)
    if (data != "" && c ~ /^(write|send|msgsnd|mq_send)/) { first = first ", " data; data = "" }
    return c "(" first ")" (result == "" ? " ..." : " = " result (result > 0 && data != "" ? " " data : ""))
}

# ---- Who made it possible: an arrow that cannot be known is not drawn ----

# What is in a pipe or a socket, in its order: bytes, and whose; of messages, those of the same text. A call that gives has
# PLENTY there until it returns, for what it gives may arrive before that. Where two overlap, the first is not known: "".
function store(o, p) {
    if (!(o in head)) { head[o] = 1; tail[o] = 0 }
    whose[o, ++tail[o]] = p; amount[o, tail[o]] = PLENTY
    if (giving[o]++) blur(o, tail[o] - 1)
}

# The call of p has returned, and given so much.
function stored(o, p, count,    i) {
    giving[o]--
    inside[whole(o)] += count
    for (i = tail[o]; i > head[o] && whose[o, i] != p && whose[o, i] != ""; i--) continue
    amount[o, i] -= PLENTY - count
}

function take(o, count, overlaps,    from) {
    inside[whole(o)] -= count
    while (head[o] <= tail[o] && amount[o, head[o]] <= 0) head[o]++
    if (overlaps) blur(o, head[o])
    from = o in foreign || head[o] > tail[o] ? "" : whose[o, head[o]]
    while (head[o] <= tail[o] && count >= amount[o, head[o]]) count -= amount[o, head[o]++]
    if (head[o] <= tail[o]) amount[o, head[o]] -= count
    else if (count && o !~ /^futex/) { foreign[o] = 1; from = "" } # somebody else gives, too
    return from
}

function blur(o, first,    i) {
    for (i = first + 1; i <= tail[o]; i++) {
        if (amount[o, i] && whose[o, i] != whose[o, first]) whose[o, first] = ""
        amount[o, first] += amount[o, i]
    }
    if (first < tail[o]) tail[o] = first
}

# What only one process has done since the call of p began, has woken it.
function did(deed, p) { if (doer[deed] != p) others[deed] = done[deed]; doer[deed] = p; done[deed] = NR }

function since_then(deed, p) { return done[deed] > began[p] && !(others[deed] > began[p]) ? doer[deed] : "" }

# Each semaphore of a semop(): raised or lowered, or (waits) who has done that to it.
function semaphores(p, args, waits,    id, part, from, one) {
    id = args + 0
    gsub(/sem_(num|op)=/, "", args)
    for (; match(args, /\{[0-9]+, -?[0-9]+/); args = substr(args, RSTART + RLENGTH)) {
        split(substr(args, RSTART + 1, RLENGTH - 1), part, ", ")
        if (!waits && part[2] != 0) did((part[2] > 0 ? "raise " : "lower ") id " " part[1], p)
        one = waits && part[2] <= 0 ? since_then((part[2] < 0 ? "raise " : "lower ") id " " part[1], p) : ""
        if (one != "") from = from == "" || from == one ? one : "several"
    }
    return from
}

function gives(c, args) { return c ~ /^(write|send|mq_send|msgsnd|connect)/ || (c == "futex" && args ~ /FUTEX_WAKE(_PRIVATE|_BITSET|,)/) }

function takes(c, args) { return c ~ /^(read|recv|splice|mq_receive|msgrcv|accept)/ || (c == "futex" && args ~ /FUTEX_WAIT/) }

function is_message(c, args) { return c ~ /^(msg|mq_|accept|connect)/ || object(args, 0) in datagram }

# From where the call takes (reads), or to where it gives: a futex of a process, a port or path, a queue and its message.
function queue_of(p, c, args, reads,    o) {
    if (c == "futex") return "futex " substr(args, 1, index(args, ",")) (args !~ /_PRIVATE/ ? "" : p in team ? team[p] : p)
    if (c ~ /^(accept|connect)$/)
        return "to " (match(args, c == "accept" ? "^[^>]*:[0-9]+]" : "htons.[0-9]+") ? last_number(substr(args, 1, RSTART + RLENGTH - 1)) : path_of(args))
    o = c ~ /^msg/ ? "msg " (args + 0) : object(args, reads)
    if (o == "" || !is_message(c, args)) return o
    if (match(args, /iov_base=/)) args = substr(args, RSTART)
    return o "\n" (match(args, /"([^"\\]|\\.)*"/) ? substr(args, RSTART, RLENGTH) : "")
}

# All messages of that queue.
function whole(o) { sub(/\n.*/, "", o); return o }

function last_number(text) { return match(text, /[0-9]+]?$/) ? substr(text, RSTART) + 0 : "" }

# A call begins.
function enter(p, c, args,    o) {
    began[p] = NR
    if (gives(c, args) && (o = queue_of(p, c, args, 0)) != "") { filled[p] = inside[whole(o)] > 0; gives_to[p] = o; store(o, p) }
    if (takes(c, args) && (o = whole(queue_of(p, c, args, 1))) != "") { takes_from[p] = o; taking[o]++; did("take " o, p) }
    if (c == "close" || c == "shutdown") closer[object(args, 0)] = p
    if (args ~ /IPC_RMID/) remover[substr(c, 1, 3), args + 0] = p
    if (c == "semop" && args !~ /(sem_op=|\{[0-9]+, )-/) semaphores(p, args, 0)
}

# It has returned, or will begin again.
function leave(p, c, args, result) {
    if (p in gives_to) stored(gives_to[p], p, is_message(c, args) ? result >= 0 || errno == " EINPROGRESS" : result > 0 ? result + 0 : 0)
    overlaps = p in takes_from && --taking[takes_from[p]]
    if (p in takes_from && result > 0) did("take " takes_from[p], p)
    delete gives_to[p]; delete takes_from[p]
    if (c == "semop" && result == 0) semaphores(p, args, 0)
}

# Which process made this result possible.
function follow(p, c, args, result, slow,    o) {
    if (result < 0) return slow && errno == " EIDRM" ? remover[substr(c, 1, 3), args + 0] : ""
    if (takes(c, args)) {
        o = queue_of(p, c, args, 1)
        if (c != "futex" && result == 0 && !is_message(c, args)) return closer[o]
        return o == "" ? "" : take(o, args ~ /MSG_PEEK/ ? 0 : c == "futex" || is_message(c, args) ? 1 : result + 0, overlaps)
    }
    if (c == "wait") return result > 0 ? result : ""
    if (c == "open" && !slow) opener[path_of(args)] = p
    if (!slow) return ""
    if (c ~ /^(write|send|mq_send|msgsnd)/) # into what is empty it would not have slept
        return filled[p] || result + 0 > 65536 ? since_then("take " whole(queue_of(p, c, args, 0)), p) : ""
    if (c == "semop") return semaphores(p, args, 1)
    return c == "open" ? opener[path_of(args)] : ""
}

# Of a message that msgrcv() has received, strace shows the whole buffer, and not only the bytes that have come.
function only_first(count, args,    before, text, rest, after) {
    if (!match(args, /"([^"\\]|\\.)*"/)) return args
    before = substr(args, 1, RSTART); rest = substr(args, RSTART + 1, RLENGTH - 2); after = substr(args, RSTART + RLENGTH - 1)
    for (; count > 0 && match(rest, /^(\\[0-3]?[0-7]?[0-7]|\\.|[^\\])/); count--) {
        text = text substr(rest, 1, RLENGTH)
        rest = substr(rest, RLENGTH + 1)
    }
    if (rest != "") sub(/^"\.\.\./, "\"", after)
    return before text after
}

# Whether it is worth a line.
function is_shown(c, args) {
    if (c ~ /^(read|readv|recv|recvmsg|write|writev|send|sendmsg|close|splice|mq_)/) return object(args, 0) != ""
    if (c == "open") return path_of(args) in fifo
    if (c ~ /^(msgctl|semctl|shmctl)$/) return args ~ /IPC_RMID/
    return c ~ /^(pipe|socketpair|fork|wait|kill|sigqueue|semop|msgsnd|msgrcv|accept|connect|shutdown|mkfifo|dup2|dup3)$/
}

function may_sleep(c, args) {
    return c ~ /^(poll|select|epoll_wait|pause|sigsuspend|sigwait|flock)$/ || (c == "futex" && args !~ /FUTEX_WAKE/) || (c == "fcntl" && args ~ /SETLKW/)
}

function path_of(args) { return match(args, /"[^"]*"/) ? substr(args, RSTART + 1, RLENGTH - 2) : "" }

# ---- The trace ----

$2 !~ /^[0-9.]+$/ { next }
{ p = $1; t = $2; if (!start) start = t; line = $0; sub(/^[0-9]+ +[0-9.]+ /, "", line) }
match(line, / <[0-9.]+>$/) { lasted = substr(line, RSTART + 2) + 0; line = substr(line, 1, RSTART - 1) }

match(line, /kill\([0-9]+[^,]*, SIGKILL/) { killer[substr(line, RSTART + 5) + 0] = p }

line ~ /^--- SIG/ {
    from = match(line, /si_pid=[0-9]+/) ? substr(line, RSTART + 7, RLENGTH - 7) : ""
    split(line, words, " ")
    event(t, p, words[2], from == p ? "" : from, "")
    next
}
line ~ /^\+\+\+/ {
    text = line ~ /exited/ ? "exits " $(NF - 1) : "killed by " $(NF - 1)
    event(t, p, text, text ~ /SIGKILL/ ? killer[p] : "", "")
    ended[p] = t
    if (p in gives_to) foreign[gives_to[p]] = 1 # it was killed, and has given who knows how much
    if (p in takes_from) taking[takes_from[p]]--
    next
}
# A story names the process that writes it, and has looked who sleeps: "  0.013  writer | the reader sleeps in read(3)".
/ sleeps in [a-z_]+\(/ {
    text = $0; sub(/.* sleeps in /, "", text); sub(/\(.*/, "", text)
    for (i in waits) if (waits[i] && (begun[i] ~ "^" text "\\(" || (text in stands && begun[i] ~ "^" stands[text]))) asleep[i] = 1
}
!($1 in role) && /write\(2(<[^>]*>+)?, " *[0-9:.]+  +[^|]+ \| / {
    text = $0; sub(/^[^"]*" *[0-9:.]+  +/, "", text); sub(/ +\| .*/, "", text)
    if (text !~ /[^A-Za-z0-9 _-]/) role[p] = text
}
# What a signal has interrupted goes on: "restart_syscall(<... resuming interrupted poll ...>) = 1".
{ restarts = 0 }
line ~ /^restart_syscall\(/ && p in broken { line = broken[p] substr(line, index(line, ">") + 1); restarts = broken_at[p] }
line ~ /<unfinished \.\.\.>$/ {
    sub(/<unfinished \.\.\.>$/, "", line)
    begun[p] = line; since[p] = t; call = line; sub(/\(.*/, "", call)
    args = substr(line, length(call) + 2)
    if (call in plain) call = plain[call]
    waits[p] = restarts
    enter(p, call, args)
    if (!restarts && call !~ /^(fork|pipe|kill|dup)/ && (is_shown(call, args) || may_sleep(call, args)))
        waits[p] = event(t, p, call_text(call, args, ""), "", "")
    asleep[p] = restarts > 0
    if (call == "open" && path_of(args) in fifo) { # the second that comes wakes the first
        if (opening[path_of(args)]) opener[path_of(args)] = p; else opening[path_of(args)] = p
    }
    next
}
{ slow = restarts > 0; resumed = restarts; returns = 0 }
restarts && line !~ /^<\.\.\. / { t += lasted }
line ~ /^<\.\.\. / {
    returns = 1
    sub(/^<\.\.\. [a-z0-9_]+ resumed>/, "", line)
    line = begun[p] line
    resumed = waits[p]
    slow = t - since[p] > SLOW || asleep[p] || line ~ /= -1 EIDRM/ || (resumed && n > resumed && begun[p] !~ GIVES)
    if (line ~ /^open/ && opening[path_of(line)]) {
        slow = opening[path_of(line)] == p
        if (slow) delete opening[path_of(line)]
    }
    if (resumed && !slow && n == resumed && line !~ /= \? ERESTART/) n-- # as if it had not slept
}
line ~ /^[a-z0-9_]+\(/ {
    call = line; sub(/\(.*/, "", call); args = substr(line, length(call) + 2)
    if (!match(args, /\) += (-?[0-9]+|\?).*$/)) next
    result = substr(args, RSTART); args = substr(args, 1, RSTART - 1)
    sub(/^\) += /, "", result); errno = result ~ /^-1 E/ ? " " substr(result, 4, index(substr(result, 4) " ", " ") - 1) : ""
    sub(/[< ].*/, "", result)
    if (call == "execve" && result == 0) {
        name[p] = path_of(args); sub(/.*\//, "", name[p])
        if (p in busy) event(t, p, "execve(" name[p] ")", "", ""); else event(t, p, name[p] " starts", "", "")
        next
    }
    if (call ~ /sigreturn$/) { # of a handler: what it has interrupted now returns EINTR, or is called again
        if (errno == " EINTR" && broken_at[p]) event(t, p, "... = -1 EINTR", "", "")
        if (errno == " EINTR") delete broken_at[p]
        next
    }
    if (call == "msgrcv" && result >= 0) args = only_first(result + 0, args)
    raw = call
    if (call in plain) call = plain[call]
    if (!returns) enter(p, call, args)
    if (result != "?" || $0 ~ /ERESTART/) leave(p, call, args, result == "?" ? -1 : result)
    if (result == "?") { # killed, or interrupted
        if ($0 !~ /ERESTART/ || !(is_shown(call, args) || may_sleep(call, args))) next
        broken[p] = raw "(" args
        broken_at[p] = resumed ? resumed : event(t, p, call_text(call, args, ""), "", "")
        next
    }
    if (errno == " EINTR") delete broken_at[p]
    if (call == "pipe")
        for (rest = args; match(rest, /pipe:\[[0-9]+\]/); rest = substr(rest, RSTART + RLENGTH)) made[substr(rest, RSTART, RLENGTH)] = 1
    if (call == "socketpair" && args ~ /SOCK_(DGRAM|SEQPACKET)/)
        for (rest = args; match(rest, /[0-9]+->[0-9]+/); rest = substr(rest, RSTART + RLENGTH)) datagram[substr(rest, RSTART, RLENGTH)] = 1
    if (call == "mkfifo" && args !~ /S_IFIFO/) next
    if (call == "mkfifo") fifo[path_of(args)] = 1
    if (call == "fcntl" && args !~ /SETLKW/) next
    shown = is_shown(call, args)
    from = follow(p, call, args, result, slow)
    if (!shown && !(may_sleep(call, args) && resumed && slow)) next
    if (call == "wait" && args ~ /WNOHANG/ && resumed) { gone[slot(resumed)] = 1; resumed = 0 }
    if (call == "wait" && result <= 0) { if (resumed && slow) event(t, p, "... = " result errno, "", ""); next }
    text = call_text(call, args, result errno)
    if (resumed && !slow && n >= resumed) { what[slot(resumed)] = text; alike[slot(resumed)] = kind(text); next } # it stays where it began
    if (resumed && slow) sub(/.* = /, "... = ", text)
    if (call == "fork" && result > 0) {
        if (args ~ /CLONE_THREAD/) team[result] = p in team ? team[p] : p
        if (!(result in name)) name[result] = name[p]
        if (!(result in born)) born[result] = t
        event(t, p, text, "", result)
    }
    else event(t, p, text, from == p ? "" : from, "")
}

# ---- The picture ----

# The busiest processes, as many as there is room for.
function choose(room,    i, k, best) {
    lanes = processes < room ? processes : room
    for (k = 1; k <= lanes; k++) {
        best = 0
        for (i = 1; i <= processes; i++)
            if (!(process[i] in chosen) && (!best || busy[process[i]] > busy[process[best]])) best = i
        chosen[process[best]] = 1
    }
    for (i = 1; i <= processes; i++)
        if (!(process[i] in chosen)) left_out += busy[process[i]]
    for (k = 0; k < lanes; k++) { # in the order of their forks
        best = ""
        for (i in chosen) if (!(i in lane) && (best == "" || born[i] < born[best])) best = i
        lane[best] = k; at_lane[k] = best
    }
}

function label(p) { return p " " (p in role ? role[p] : name[p]) }

function put(x, text) { row = substr(row, 1, x - 1) text substr(row, x + length(text)) }

function dashes(count,    s) { s = ""; while (count-- > 0) s = s "-"; return s }

function text_row(i, s,    k, x, f, room, text) {
    row = sprintf("%" width "s", "")
    put(1, sprintf("%8.3f", (when[s] - start) * 1000))
    for (k = 0; k < lanes; k++)
        if (when[s] >= born[at_lane[k]] && !(at_lane[k] in ended && ended[at_lane[k]] < when[s])) put(column(k), "|")
    x = column(lane[who[s]])
    f = source[s] in lane ? column(lane[source[s]]) : target[s] in lane ? column(lane[target[s]]) : 0
    room = (f > x ? f - 5 : width) - x - 1
    text = what[s] (times[s] > 1 ? " (" times[s] " times)" : "")
    if (length(text) > room) text = substr(text, 1, room - 3) "..."
    put(x + 2, text " ")
    if (f && f < x) { put(f, "|" dashes(x - f - 1) ">") }
    if (f > x) put(x + 3 + length(text), (target[s] ? "-" : "<") dashes(f - x - length(text) - 5) (target[s] ? ">" : "-") "|")
    row = substr(row, 1, width); sub(/ +$/, "", row)
    print row
}

function column(k) { return 11 + k * step }

function each_event(draw,    i, s, hole) {
    for (i = 1; i <= n; i++) {
        if (i > FIRST && i <= n - LAST) { hole = 1; continue }
        s = slot(i)
        if (gone[s] || !(who[s] in lane)) continue
        if (hole) { note = "... " dropped " events are left out ..."; hole = 0 } else note = ""
        if (draw == "measure") measure(lane[who[s]], shown_text(s)); else if (draw == "svg") svg_row(s, note); else { if (note) print "          " note; text_row(i, s) }
    }
}

# The line of an arrow goes from the row of its cause, if that is near, to that of its effect.
function svg_row(s, note,    x, f, p, cause, to) {
    y += 24
    if (note) { rows = rows sprintf("<text x=\"80\" y=\"%d\">%s</text>\n", y, note); y += 24 }
    p = who[s]
    x = left(p)
    if (p in sleeping) lines = lines sprintf("<path class=\"sleep\" d=\"M%d %dV%d\"/>\n", x, sleeping[p], y - 4)
    delete sleeping[p]
    if (what[s] ~ /\) \.\.\.$/) sleeping[p] = y - 4
    if (!(p in top)) top[p] = y - 12
    if (source[s] in lane) {
        cause = match(what[s], /SIG[A-Z0-9]+$/) ? source[s] " " p ", " substr(what[s], RSTART) : source[s]
        to = left(source[s]) < x ? y - 4 : y - 11 # past its text
        f = cause in gave && y - gave[cause] < 120 ? gave[cause] + (left(source[s]) < x ? 4 : -4) : to
        lines = lines sprintf("<path class=\"arrow\" d=\"M%d %dL%d %d\"/>\n", left(source[s]), f, x, to)
    }
    if (target[s] in lane) {
        lines = lines sprintf("<path class=\"arrow\" d=\"M%d %dL%d %d\"/>\n", x, y + 4, left(target[s]), y + 10)
        if (!(target[s] in top)) top[target[s]] = y + 10
    }
    if (what[s] ~ /^(write|send|msg|mq_send|close|shutdown|semop|exits|killed|open|connect)/) gave[p] = y
    if (match(what[s], /^kill\([0-9]+, SIG[A-Z0-9]+/)) gave[p " " substr(what[s], 6, RLENGTH - 5)] = y
    rows = rows sprintf("<text class=\"time\" x=\"60\" y=\"%d\">%.1f</text><text x=\"%d\" y=\"%d\">%s</text>\n", y, \
        (when[s] - start) * 1000, x + 10, y, escape(shown_text(s)))
    bottom[p] = y
}

function shown_text(s) { return substr(what[s], 1, 46) (times[s] > 1 ? " (" times[s] " times)" : "") }

function measure(k, text) { if (length(text) > longest[k]) longest[k] = length(text) }

function left(p) { return edge[lane[p]] }

function print_svg(    k, p, w) {
    y = 30
    for (k = 0; k < lanes; k++) longest[k] = length(label(at_lane[k]))
    each_event("measure")
    w = 80
    for (k = 0; k < lanes; k++) { edge[k] = w; w += 20 + (longest[k] < 14 ? 14 : longest[k]) * 7.3 }
    each_event("svg")
    y += 16
    svg_head(w, y)
    print "<text class=\"time\" x=\"60\" y=\"20\">ms</text>"
    for (k = 0; k < lanes; k++) {
        p = at_lane[k]
        printf "<text class=\"name\" x=\"%d\" y=\"20\">%s</text>\n", left(p) - 8, escape(label(p))
        printf "<path class=\"life\" d=\"M%d %dV%d\"/>\n", left(p), top[p], p in ended ? bottom[p] : y
        if (p in sleeping) lines = lines sprintf("<path class=\"sleep\" d=\"M%d %dV%d\"/>\n", left(p), sleeping[p], y)
    }
    printf "%s%s</svg>\n", lines, rows
}

END {
    if (!n) { print "nothing was traced"; exit 1 }
    choose(svg ? 6 : int((width - 10) / 22))
    if (svg) print_svg()
    else {
        step = int((width - 10) / lanes); if (step > 34) step = 34
        row = sprintf("%" width "s", ""); put(6, "ms")
        for (k = 0; k < lanes; k++) put(column(k), substr(label(at_lane[k]), 1, step - 2))
        sub(/ +$/, "", row); print row
        each_event("text")
        if (left_out) printf "(left out: %d events of %d more processes)\n", left_out, processes - lanes
    }
}
