#!/usr/bin/perl
# truth.pl WORK - compares the stories of runs with the kernel's own traces of them; tests/truth calls it
#
# WORK/runs has a line "NUMBER program status command" (tabs between them) for each run, WORK/NUMBER/trace is what
# strace -f -q -s 600 -o has written. WORK/partial names the programs of which not every line has run. A story line is a
# write(2, "...") in the trace, so it has its place among the system calls of its process. How a line is judged stands
# above judge_call() and judge_sleep().
use strict;
use warnings;
no warnings 'portable';    # addresses have more than 32 bits
use Config ();
use POSIX  ();

use constant NEVER         => 9e9;
use constant COLUMNS       => 80;      # say() cuts a longer line
use constant MOST_UNJUDGED => 0.03;    # of the lines that are not prose
use constant SMALL         => 100;     # of fewer lines that is no measure

# ---- The tables ----

# The system calls that a library function may make. Any other function is the system call of its name.
my %SYSTEM_CALLS = map { my ($name, @calls) = split; $name => \@calls } split /\n/, <<'END';
fork clone clone3 fork vfork
vfork vfork clone clone3
pipe pipe pipe2
wait wait4 waitid
waitpid wait4 waitid
wait4 wait4
open open openat
creat open openat creat
mkfifo mknodat mknod
mkostemp openat open
mkstemp openat open
signal rt_sigaction
sigaction rt_sigaction
sigprocmask rt_sigprocmask
pthread_sigmask rt_sigprocmask
sigpending rt_sigpending
sigsuspend rt_sigsuspend
sigqueue rt_sigqueueinfo
sigwait rt_sigtimedwait
sigwaitinfo rt_sigtimedwait
sigtimedwait rt_sigtimedwait
pause pause ppoll
raise tgkill tkill kill
abort tgkill tkill kill
pthread_kill tgkill tkill
alarm alarm setitimer
sleep clock_nanosleep nanosleep
usleep clock_nanosleep nanosleep
nanosleep clock_nanosleep nanosleep
semop semop semtimedop
semtimedop semtimedop
poll poll ppoll
select select pselect6
pselect pselect6
epoll_create epoll_create epoll_create1
epoll_wait epoll_wait epoll_pwait
accept accept accept4
clock_nanosleep clock_nanosleep nanosleep
send sendto send
recv recvfrom recv
signalfd signalfd4 signalfd
eventfd eventfd2 eventfd
inotify_init inotify_init inotify_init1
pidfd_open pidfd_open
mq_send mq_timedsend
mq_receive mq_timedreceive
mq_getattr mq_getsetattr
mq_setattr mq_getsetattr
mq_close close
shm_open openat open
posix_fallocate fallocate
shm_unlink unlink unlinkat
sem_open link linkat openat open
sem_unlink unlink unlinkat
dup2 dup2 dup3
pread pread64
pwrite pwrite64
stat stat newfstatat statx
lstat lstat newfstatat statx
fstat fstat newfstatat statx
access access faccessat faccessat2
unlink unlink unlinkat
mkdir mkdir mkdirat
rename rename renameat renameat2
link link linkat
chmod chmod fchmodat
readlink readlink readlinkat
lockf fcntl
posix_fallocate fallocate
posix_fadvise fadvise64
posix_madvise madvise
exec execve execveat
execl execve execveat
execlp execve execveat
execle execve execveat
execv execve execveat
execvp execve execveat
execve execve execveat
fexecve execve execveat
posix_spawn clone clone3 vfork fork
posix_spawnp clone clone3 vfork fork
_exit exit_group exit
exit exit_group exit
pthread_create clone clone3
sockatmark ioctl
tcgetpgrp ioctl
tcsetpgrp ioctl
isatty ioctl
getpgrp getpgrp getpgid
getrlimit getrlimit prlimit64
setrlimit setrlimit prlimit64
setresuid setresuid
seteuid setresuid setreuid
setuid setuid
sched_setaffinity sched_setaffinity
fopen openat open
fdopen fcntl
fclose close
popen clone clone3 vfork pipe2
pclose wait4
fflush write
fgets read
fread read
getline read
getc read
fgetc read
getchar read
scanf read
fscanf read
sem_wait futex
sem_timedwait futex
sem_clockwait futex
sem_trywait futex
sem_post futex
P futex semop semtimedop
V futex semop semtimedop
pthread_mutex_lock futex
pthread_mutex_timedlock futex
pthread_mutex_trylock futex
pthread_mutex_unlock futex
pthread_cond_wait futex
pthread_cond_timedwait futex
pthread_cond_signal futex
pthread_cond_broadcast futex
pthread_barrier_wait futex
pthread_rwlock_rdlock futex
pthread_rwlock_wrlock futex
pthread_rwlock_unlock futex
pthread_join futex
printf write
puts write
putchar write
fputs write
fwrite write
fprintf write
perror write
END

# Functions that need no system call where nobody waits, or where the C library has a buffer.
my %MAY_BE_QUIET = map { $_ => 1 } qw(sem_wait sem_timedwait sem_clockwait sem_trywait sem_post P V pthread_mutex_lock
    pthread_mutex_timedlock pthread_mutex_trylock pthread_mutex_unlock pthread_cond_wait pthread_cond_timedwait
    pthread_cond_signal pthread_cond_broadcast pthread_barrier_wait pthread_rwlock_rdlock pthread_rwlock_wrlock
    pthread_rwlock_unlock pthread_join fclose fflush fgets fread getline getc fgetc getchar scanf fscanf printf puts
    putchar fputs fwrite fprintf perror);

# Functions that never make one; the last row are the demos' own.
my %QUIET = map { $_ => 1 } qw(sem_getvalue sem_init sem_destroy pthread_mutex_init pthread_mutex_destroy
    pthread_mutex_consistent pthread_mutexattr_setrobust pthread_cond_init pthread_barrier_init pthread_self
    sigaddset sigemptyset sigfillset sigdelset sigismember setvbuf getenv atexit malloc free memcpy strlen localtime
    localtime_r strtok atomic_load atomic_store atomic_exchange atomic_fetch_add atomic_compare_exchange_strong
    atomic_compare_exchange_weak atomic_fetch_sub atomic_thread_fence
    pop push lock unlock consistent);

# What these have filled in may stand for their result.
my %FILLS_IN = map { $_ => 1 } qw(pipe pipe2 socketpair ioctl getsockopt getsockname getpeername wait4 waitid fstat
    newfstatat stat statx lstat pselect6 select prlimit64 getrlimit mq_getsetattr rt_sigpending msgctl shmctl semctl
    timerfd_gettime timer_gettime getitimer timer_create prctl fcntl);

# What these return is not what the system call returns.
my %RETURNS_ANOTHER = map { $_ => 1 } qw(fopen fdopen popen pclose sleep fflush printf puts fputs fprintf fwrite fread
    putchar getc fgetc getchar scanf fscanf getline posix_spawn posix_spawnp P V),
    grep { /^(?:sem|pthread)_/ } keys %SYSTEM_CALLS;

# What these take is not what the system call takes, but for the name of a file or an object.
my %TAKES_OTHERS = map { $_ => 1 } qw(sem_open mkostemp mkstemp fopen popen pthread_create posix_spawn posix_spawnp);

# The first argument of these is a descriptor or a process: where a number comes first, it must be that.
my %NUMBER_FIRST = map { $_ => 1 } qw(read write close readv writev lseek fcntl ioctl dup dup2 dup3 fstat
    flock bind listen connect accept accept4 shutdown send recv sendto recvfrom sendmsg recvmsg getsockopt setsockopt
    getsockname epoll_wait epoll_ctl kill sigqueue setpgid getpgid mq_send mq_receive mq_timedsend mq_timedreceive
    mq_notify shmat fsync pread pwrite timerfd_settime pidfd_send_signal pidfd_open fchmod fdatasync tee);

# ---- Reading a trace ----

my %OLD_NAMES = (_llseek => 'lseek', _newselect => 'select', fadvise64_64 => 'fadvise64', fstatat64 => 'newfstatat',
    mmap2 => 'mmap', ugetrlimit => 'getrlimit');
my %ESCAPES = (n => "\n", t => "\t", r => "\r", v => "\013", f => "\f");

sub unescaped {
    my ($text) = @_;
    $text =~ s{\\(?:x([0-9a-f]{2})|([0-7]{1,3})|(.))}
              {defined $1 ? chr hex $1 : defined $2 ? chr oct $2 : $ESCAPES{$3} // $3}gsex;
    return $text;
}

# Arguments without their strings, and with numbers for real-time signals: strace calls number 33 SIGRT_1, and so on.
sub without_strings {
    my ($text) = @_;
    $text =~ s/"(?:[^"\\]|\\.)*"/""/gs;
    $text =~ s/\b(?:SIG)?RT_(\d+)/32 + $1/ge;
    return $text;
}

# All calls of a trace in the order in which they began, each with the lines of the trace where it began and ended.
# $trace->{process} is the process of each thread, $trace->{end} the line where a thread ended.
sub read_trace {
    my ($file) = @_;
    my (@calls, %open, %interrupted, %process, %end);
    open my $in, '<', $file or die "$file: $!\n";
    while (my $line = <$in>) {
        my ($thread, $event) = $line =~ /^(\d+)\s+(.*)$/s or next;
        chomp $event;
        $event =~ s/\b(F_(?:SETLKW?|GETLK))64\b/$1/;
        $process{$thread} //= $thread;
        if ($event =~ /^\+\+\+ /) {
            $end{$thread} = $.;
        } elsif ($event =~ /^<\.\.\. \w+ resumed>\s?(.*)$/s) {
            my $call = delete $open{$thread} or next;
            finish_call($call, $1, $.);
        } elsif ($event =~ /^(\w+)\((.*)$/s) {
            my ($name, $rest) = ($1, $2);
            my $call = { thread => $thread, name => name_of_64_bits($name), args => '', result => '?', begin => $., end => NEVER };
            push @calls, $call;
            if ($rest =~ s/\s*<unfinished \.\.\.>$//) {
                $call->{args} = $rest;
                $open{$thread} = $call;
            } else {
                finish_call($call, $rest, $.);
            }
            if ($call->{name} eq 'restart_syscall' and $interrupted{$thread}) {
                @$call{qw(name args)} = @{ $interrupted{$thread} }{qw(name args)};
            }
            $interrupted{$thread} = $call;
        }
    }
    for my $call (values %open) { $call->{end} = $end{ $call->{thread} } // NEVER }
    for my $call (@calls) {
        $process{$1} = $process{ $call->{thread} } if $call->{args} =~ /CLONE_THREAD/ and $call->{result} =~ /^(\d+)/;
    }
    return { calls => \@calls, process => \%process, end => \%end };
}

# Processors of 32 bits have younger calls for what 32 bits cannot hold, with a 64, 32 or 2 in their names.
sub name_of_64_bits {
    my ($name) = @_;
    return $OLD_NAMES{$name} if $OLD_NAMES{$name};
    $name =~ s/_time64$//;
    $name =~ s/(?:64|32)$// unless $name =~ /^(?:prlimit|pread|pwrite|getdents|fadvise)64$/;
    return $name;
}

# The rest of a call: what is left of its arguments, and the result; _llseek(2) has it among the arguments.
sub finish_call {
    my ($call, $rest, $at) = @_;
    my ($args, $result) = $rest =~ /^(.*)\)\s+= (.*)$/s ? ($1, $2) : ($rest, '?');
    $result = $1 if $call->{name} eq 'lseek' and $args =~ /, \[(\d+)\], SEEK_\w+$/;
    $call->{args} .= $args;
    $call->{result} = $result;
    $call->{end}    = $at;
}

# The story lines of a trace: who has written what, and where it stands.
sub story_lines {
    my ($trace) = @_;
    my @lines;
    for my $call (@{ $trace->{calls} }) {
        next unless $call->{name} eq 'write' and $call->{args} =~ /^2, "(.*?)\\n"(?:, |$)/s;
        my $line = unescaped($1);
        $line =~ s/\e\[\d*m//g;
        my ($role, $text) = $line =~ /^\s*(?:\d+\.\d{3}|\d\d:\d\d:\d\d\.\d{3}) +(\S.{0,29}?) \| (.*)$/s or next;
        my $cut = length($line) == COLUMNS && $text =~ /\.\.\.$/;
        push @lines, { line => $line, role => $role, text => $text, cut => $cut, at => $call->{begin},
            thread => $call->{thread}, process => $trace->{process}{ $call->{thread} } };
    }
    return @lines;
}

# ---- Reading a story line ----

# Splits at commas that stand in no quotes and no brackets.
sub items_of {
    my ($text) = @_;
    my ($depth, $item, @items) = (0, '');
    while ($text =~ /\G("(?:[^"\\]|\\.)*"(?:\.\.\.)?|.)/gs) {
        my $piece = $1;
        $depth++ if $piece =~ /^[(\[{]$/;
        $depth-- if $piece =~ /^[)\]}]$/;
        if ($piece eq ',' and $depth == 0) {
            push @items, $item;
            $item = '';
        } else {
            $item .= $piece;
        }
    }
    push @items, $item;
    s/^\s+|\s+$//g for @items;
    return grep { $_ ne '' } @items;
}

# What a line says of calls: a list of { name, args, how, result }. `how` is "returned", "announced" (it is about to be
# made), "result" (of the announced one) or "words" (other words follow the call). A call without a result counts only
# at the beginning of a clause, and not in the comment after a colon: there it may be another process's.
sub claims_of {
    my ($text) = @_;
    my @claims;
    my $call   = qr/([A-Za-z_]\w*)(\((?:[^()"]|"(?:[^"\\]|\\.)*"|(?2))*\))/;
    my $result = qr/((?:"(?:[^"\\]|\\.)*"|\[[^\]]*\]|(?!; |:(?:\s|$)|, $call).)*)/;
    return { how => 'result', result => $1 } if $text =~ /^\.\.\. = (.*?)(?::\s.*)?$/s;
    $text =~ s/^\.\.\. //;
    my ($comment, $at_begin) = (0, 1);
    pos($text) = 0;
    while (pos($text) < length $text) {
        if ($text =~ /\G$call/gc) {
            my $claim = { name => $1, args => substr($2, 1, -1) };
            my $first = $-[0] == 0;
            if ($text =~ /\G \.\.\.$/gc) {
                $claim->{how} = 'announced';
            } elsif ($text =~ /\G = $result/gc) {
                @$claim{qw(how result)} = ('returned', $1);
            } elsif ($text =~ /\G: (E[A-Z0-9]{3,})\b/gc) {
                @$claim{qw(how result)} = ('returned', "-1 $1");
                $comment = 1;
            } elsif ($at_begin and not $comment) {
                $claim->{how} = $text =~ /\G(?=$|[,;:])/ ? 'returned' : $first ? 'words' : undef;
            }
            push @claims, $claim if defined $claim->{how};
            $at_begin = 0;
        } elsif ($text =~ /\G:(?:\s|$)/gc) {
            $comment = 1;
        } elsif ($text =~ /\G[,;] /gc) {
            $at_begin = 1;
        } else {
            $text =~ /\G(?:"(?:[^"\\]|\\.)*"|\w+|.)/gcs;
            $at_begin = 0;
        }
    }
    return @claims;
}

# "the workers sleep in read(3)": { who, pid, call, args, plural, number }, or nothing.
sub sleep_of {
    my ($text) = @_;
    my %numbers = (both => 2, two => 2, three => 3, four => 4, five => 5, six => 6, seven => 7);
    return if $text =~ /\b(?:not|never|to) sleeps?\b/;
    return unless $text =~ /^(?:.*[:;,] (?:and )?)?(\S.*?\s)?(?:still )?sleep(s?)\b(?: (?:again|on|still))?(?:,? in (\w+)(?:\(([^)]*)\))?)?/;
    my ($who, $singular, $call, $args) = ($1 // '', $2, $3, $4);
    return if $who eq '' and not $singular;
    return if not $singular and $who !~ /\b(?:all|both|they|\w+s|\d+)\b/;
    my ($number) = grep { defined } $who =~ /^(?:all )?(\d+) /, map { $numbers{$_} } grep { $numbers{$_} } split ' ', $who;
    my ($pid) = grep { defined } $text =~ /\b(?:pid|process) (\d+)\b.*\bsleep|\((\d+)\) (?:still )?sleeps|^(\d+) sleeps/;
    return { who => $who, pid => $pid, call => $call, args => $args // '', plural => !$singular, number => $number };
}

# ---- Comparing ----

sub strings_in {
    my ($text) = @_;
    my @strings;
    push @strings, { text => unescaped($1), cut => defined $2 } while $text =~ /"((?:[^"\\]|\\.)*)"(\.\.\.)?/gs;
    return @strings;
}

sub numbers_in {
    my ($text) = @_;
    return map { number_of($_) } without_strings($text) =~ /(?<![\w.])([-+]?(?:0x[0-9a-f]+|\d+))(?![\w.])/g;
}

sub number_of {
    my ($text) = @_;
    my ($sign, $digits) = $text =~ /^([-+]?)(.*)$/;
    my $number = $digits =~ /^0./ ? oct $digits : $digits;
    return $sign eq '-' ? -$number : 0 + $number;
}

# Whether the text of a story, where '?' may be any byte and "..." may follow, is one of these strings. The name of an
# object may stand at the end of the path that the C library has made of it.
sub is_among {
    my ($text, $cut, $strings, $is_name) = @_;
    $is_name and $text =~ s{^/}{};
    my $pattern = join '.', map { quotemeta } split /\?/, $text, -1;
    for my $string (@$strings) {
        my $shown = $string->{text};
        return 1 if $shown =~ /^$pattern$/s or $shown =~ /^$pattern\n$/s;
        return 1 if $cut and $shown =~ /^$pattern/s;
        return 1 if $is_name and $shown =~ /$pattern$/s;
        return 1 if $string->{cut} and substr($text, 0, length $shown) eq $shown;
    }
    return 0;
}

my %NUMBERS = (STDIN_FILENO => 0, STDOUT_FILENO => 1, STDERR_FILENO => 2);

# What an argument or a part of a result can be compared with: a number, a string, a path, flags, or nothing.
sub kind_of {
    my ($item) = @_;
    $item = "SIGRTMIN+0" if $item eq 'SIGRTMIN';
    $item = "SIGRTMAX-0" if $item eq 'SIGRTMAX';
    return (anywhere => POSIX::SIGRTMIN() + $1) if $item =~ /^SIGRTMIN\+(\d+)$/;
    return (anywhere => POSIX::SIGRTMAX() - $1) if $item =~ /^SIGRTMAX-(\d+)$/;
    return (anywhere => $1)                     if $item =~ /^(?:of )?(?:type|priority|si_value|port) (-?\d+)$/;
    return (number   => $NUMBERS{$item})        if exists $NUMBERS{$item};
    return (number   => number_of($1))          if $item =~ /^([-+]?(?:0x[0-9a-f]+|\d+))(?: bytes?)?(?: \([^)]*\))?$/;
    return (string   => $1, defined $2)         if $item =~ /^"((?:[^"\\]|\\.)*)"(\.\.\.)?/;
    return (path     => $1, defined $2)         if $item =~ m{^(/\S*?)(\.\.\.)?$};
    return (flags    => $item)                  if $item =~ /^[A-Z][A-Z0-9_]*(?:\|[A-Z][A-Z0-9_]*)*$/
        and $item =~ /_|^SIG[A-Z]{3}|^E?POLL|^W[A-Z]{5}|^(?:SETVAL|GETVAL|GETALL|SETALL|GETPID|GETNCNT|GETZCNT)$/
        and $item !~ /^(?:S_I|INT_|PIPE_)/;
    return ('nothing');
}

# Sets of signals are shown without the SIG of their names.
sub has_flag {
    my ($text, $flag) = @_;
    return $text =~ /\b$flag\b/ || ($flag =~ /^SIG([A-Z0-9]+)$/ && $text =~ /\[(?:[^\]]* )?$1\b/);
}

sub signal_number {
    my ($name) = @_;
    my @names = split ' ', $Config::Config{sig_name};
    my ($number) = grep { "SIG$names[$_]" eq $name } 0 .. $#names;
    return $number // -1;
}

# Whether the arguments of the story are among those of the call: numbers in their order. Of an msgrcv(2) that fails,
# strace shows four arguments and no type where it goes through ipc(2), on i386.
sub has_arguments {
    my ($call, $claim) = @_;
    my @numbers = my @in_order = numbers_in($call->{args});
    my @strings = strings_in($call->{args});
    my $shown   = without_strings($call->{args});
    my $is_name = $claim->{name} =~ /^(?:mq|shm|sem)_/;
    my @items   = items_of($claim->{args});
    @items = grep { m{^/} } @items if $TAKES_OTHERS{ $claim->{name} };
    @items = grep { !/^type / } @items if $call->{name} eq 'msgrcv' and $call->{args} =~ /^\d+, 0x\w+, \d+, [^,]+$/;
    for my $i (0 .. $#items) {
        my ($kind, $value, $cut) = kind_of($items[$i]);
        if ($kind eq 'number') {
            return 0 if $i == 0 and $NUMBER_FIRST{ $claim->{name} } and (!@numbers or $numbers[0] != $value);
            shift @in_order while @in_order and $in_order[0] != $value;
            return 0 unless @in_order;
            shift @in_order;
        } elsif ($kind eq 'anywhere') {
            return 0 unless grep { $_ == $value } @numbers;
        } elsif ($kind eq 'string') {
            return 0 if @strings and not is_among(unescaped($value), $cut, \@strings, $is_name && $value =~ m{^/});
        } elsif ($kind eq 'path') {
            return 0 unless is_among($value, $cut, \@strings, $is_name);
        } elsif ($kind eq 'flags') {
            return 0 if grep { !has_flag($shown, $_) } split /\|/, $value;
        }
    }
    return 1;
}

# Whether the first item of a result, "5", "-1 EAGAIN", "SIGUSR1", is what the call has returned.
sub is_returned {
    my ($item, $claim, $call) = @_;
    my $result = $call->{result};
    my $interrupted = $result =~ /^\? ERESTART/ || $result =~ /^-1 EINTR/;
    if ($item =~ /^(?:-1 |EOF )?(E[A-Z0-9]{3,})\b/) {
        my $error = $1 eq 'EWOULDBLOCK' ? 'EAGAIN' : $1;
        return $error eq 'EINTR' ? $interrupted : $result =~ /^-1 $error\b/;
    }
    my ($kind, $value) = kind_of($item);
    if ($kind eq 'number' or $kind eq 'anywhere') {
        return 1 if $RETURNS_ANOTHER{ $claim->{name} };
        my ($returned) = $result =~ /^(-?(?:0x[0-9a-f]+|\d+))/ or return 0;
        return number_of($returned) == $value;
    }
    if ($kind eq 'flags') {
        my ($string) = strings_in($call->{args});
        return 1 if $call->{name} eq 'read' and $string and ord $string->{text} == signal_number($value);
        return !grep { !has_flag($result, $_) } split /\|/, $value;
    }
    return $result !~ /^(?:-1 E|\?)/;
}

# A later item of a result, or the only one of a call that fills something in: is it among the arguments? An item that is
# prose is taken for a comment.
sub is_filled_in {
    my ($item, $call) = @_;
    my ($kind, $value, $cut) = kind_of($item);
    my $text    = "$call->{args} $call->{result}";
    my @strings = strings_in($text);
    return scalar grep { $_ == $value } numbers_in($text) if $kind eq 'number' or $kind eq 'anywhere';
    if ($kind eq 'string') {
        if ($call->{name} eq 'msgrcv' and $call->{result} =~ /^(\d+)/) {    # strace shows the whole buffer
            @strings = map { { text => substr($_->{text}, 0, $1), cut => $_->{cut} } } @strings;
        }
        return !@strings || is_among(unescaped($value), $cut, \@strings);
    }
    return !grep { !has_flag($text, $_) } split /\|/, $value if $kind eq 'flags';
    return is_status($1, $text) if $item =~ /^status (\d+)$/;
    return is_among($item, 0, \@strings) if $item =~ /^(?:pipe|socket|anon_inode):\[\w+\]$/;
    return 1;
}

# An exit status, or as the shell has it, 128 and the signal.
sub is_status {
    my ($status, $text) = @_;
    return 1 if $text =~ /(?:WEXITSTATUS\(s\) == |si_status=)(\d+)/ and ($1 == $status or $1 * 256 == $status);
    return 0 unless $text =~ /(?:WTERMSIG\(s\) == |si_status=)(SIG[A-Z0-9]+)/;
    my $number = signal_number($1);
    return $status == $number || $status == 128 + $number;
}

# Whether the result in the story is that of the call.
sub agrees_with_result {
    my ($claim, $call) = @_;
    return $call->{result} !~ /^(?:-1 E|\? E)/ unless defined $claim->{result};
    my ($first, @more) = items_of($claim->{result});
    return 1 unless defined $first;
    if ($first =~ /^([-+]?(?:0x[0-9a-f]+|\d+)) (["\[].*)$/s) {    # 5 "hello"
        ($first, @more) = ($1, $2, @more);
    }
    my $filled = $FILLS_IN{ $call->{name} } && $call->{result} !~ /^-1/ && is_filled_in($first, $call);
    my ($kind) = kind_of($first);
    return 0 unless $filled or is_returned($first, $claim, $call);
    return 0 if ($kind eq 'string' or $kind eq 'nothing') and not is_filled_in($first, $call);
    return !grep { !is_filled_in($_, $call) } grep { !/^E[A-Z]+$/ } @more;
}

sub is_for_stderr {
    my ($call) = @_;
    return $call->{name} eq 'write' && $call->{args} =~ /^2,/;
}

sub calls_named {
    my ($name) = @_;
    return $SYSTEM_CALLS{$name} // [$name];
}

# ---- Judging ----

# The call that a line reports: the first one that agrees, after those that earlier lines have used up, and before the
# line.
sub find_call {
    my ($run, $claim, $line, $after) = @_;
    my %is_named = map { $_ => 1 } @{ calls_named($claim->{name}) };
    my $calls = $run->{by_thread}{ $line->{thread} } // [];
    for my $i (($run->{next}{ $line->{thread} } // 0) .. $#$calls) {
        my $call = $calls->[$i];
        last if $call->{end} >= $line->{at};
        next unless $is_named{ $call->{name} } and $call->{begin} > $after;
        next unless has_arguments($call, $claim) and agrees_with_result($claim, $call);
        $run->{next}{ $line->{thread} } = $i + 1;
        return $call;
    }
    return undef;
}

sub shown {
    my ($call) = @_;
    my $text = "$call->{name}($call->{args}) = $call->{result}";
    $text =~ s/("(?:[^"\\]|\\.){24})(?:[^"\\]|\\.)+"/$1"/gs;
    return length $text > 160 ? substr($text, 0, 160) . '...' : $text;
}

# What the trace has instead, for the report: the calls of that name, the last one before the line and the next one.
sub instead {
    my ($run, $claim, $line) = @_;
    my %is_named = map { $_ => 1 } @{ calls_named($claim->{name}) };
    my $calls = $run->{by_thread}{ $line->{thread} } // [];
    my (@before, @later);
    for my $i (0 .. $#$calls) {
        my $call = $calls->[$i];
        next unless $is_named{ $call->{name} } and not is_for_stderr($call);
        my $shown = shown($call);
        if ($call->{begin} > $line->{at}) {
            push @later, "after the line: $shown" unless @later;
        } else {
            my $used = $i < ($run->{next}{ $line->{thread} } // 0);
            push @before, ($used ? 'used up, or out of order: ' : 'before the line: ') . $shown;
        }
    }
    splice @before, 0, @before - 2 if @before > 2;
    return @before || @later ? (@before, @later) : ("no $claim->{name}() by this process");
}

# Returns the verdict on one claim, and the calls of the trace that it rests on. A call with its result, or without one
# if it has succeeded, must be in the trace of the process, before the line and after the calls of earlier lines. An
# announced call must begin after the line. exec and exit do not return, so they are always announced.
sub judge_call {
    my ($run, $claim, $line) = @_;
    my $name = $claim->{name} // '';
    return judge_result($run, $claim, $line) if $claim->{how} eq 'result';
    if ($claim->{how} eq 'words') {
        $run->{pending}{ $line->{thread} } = { claim => $claim, at => $line->{at} };
        return ('not judged', 'words after a call; say "call(...): comment" or "call(...) ..."');
    }
    return ('no system call') if $QUIET{$name};
    return ('not judged', "$name() is unknown")
        unless $SYSTEM_CALLS{$name} or $run->{made}{$name} or $NUMBER_FIRST{$name};
    my $returns_not = $name =~ /^(?:f?exec\w*|_?exit)$/ && !defined $claim->{result};
    return judge_announced($run, $claim, $line) if $claim->{how} eq 'announced' or $returns_not;
    return ('matched') if $name =~ /^v?fork$/ and ($claim->{result} // '') =~ /^0\b/ and $run->{born}{ $line->{process} };
    return judge_returned($run, $claim, $line, 0);
}

sub judge_returned {
    my ($run, $claim, $line, $after) = @_;
    my $call = find_call($run, $claim, $line, $after);
    return ('matched', shown($call)) if $call;
    return ('no system call') if $MAY_BE_QUIET{ $claim->{name} } and ($claim->{result} // '') !~ /\b(?:ETIMEDOUT|EINTR)\b/;
    return ('FALSE', instead($run, $claim, $line));
}

sub judge_announced {
    my ($run, $claim, $line) = @_;
    my %is_named = map { $_ => 1 } @{ calls_named($claim->{name}) };
    $run->{pending}{ $line->{thread} } = { claim => $claim, at => $line->{at} };
    for my $call (@{ $run->{by_thread}{ $line->{thread} } }) {
        return ('matched', shown($call))
            if $call->{begin} > $line->{at} and $is_named{ $call->{name} } and has_arguments($call, $claim);
    }
    return ('no system call') if $MAY_BE_QUIET{ $claim->{name} };
    return ('FALSE', 'announced, but not made');
}

# "... = 5" is the result of the call that this process has announced last.
sub judge_result {
    my ($run, $claim, $line) = @_;
    my $pending = delete $run->{pending}{ $line->{thread} };
    return ('FALSE', 'no call was announced') unless $pending;
    $claim = { %{ $pending->{claim} }, result => $claim->{result} };
    return ('no system call') if $QUIET{ $claim->{name} };
    return judge_returned($run, $claim, $line, $pending->{at});
}

# The processes of this role, "worker 2", or of all those that are numbered so, "worker".
sub processes_of {
    my ($run, $role) = @_;
    return grep { grep { /^\Q$role\E(?: ?\d+)?$/ } keys %{ $run->{roles}{$_} } } keys %{ $run->{roles} };
}

# The processes that a sleeper may be, and how many of them must sleep. A role that a process of this run has can be no
# other process, as long as that one is alive.
sub sleepers {
    my ($run, $sleep, $line) = @_;
    my %alive = map { $_ => 1 }
        grep { $run->{first}{$_} < $line->{at} and ($run->{last}{$_} // NEVER) > $line->{at} } keys %{ $run->{first} };
    return ([$sleep->{pid}], 1) if defined $sleep->{pid} and $run->{first}{ $sleep->{pid} };
    my $role = $sleep->{who};
    $role =~ s/^(?:(?:the|all|both|\d+)\s+)+|\s+$//g;
    $role =~ s/s$// if $sleep->{plural};
    my @named = processes_of($run, $role);
    @named = processes_of($run, $1) if !@named and $role =~ /^(.*) \d+$/;    # they share a lane
    if (my @sleepers = grep { $alive{$_} } @named) {
        return (\@sleepers, $sleep->{number} // ($sleep->{plural} ? scalar @sleepers : 1));
    }
    my @others = grep { $_ != $line->{process} } keys %alive;
    @others = grep { !$run->{roles}{$_} } @others if @named;    # the next one of that role: it has said nothing so far
    my $silent = grep { !$run->{roles}{$_} } @others;
    return (\@others, $sleep->{number} // ($sleep->{plural} ? $silent || scalar @others : 1));
}

# "WHO sleeps in call(argument)" is true if, where the line is written, that call of WHO has begun and not ended. WHO is a
# role, several of them, a pid; or otherwise any process but the writer. Without a call any one will do.
sub judge_sleep {
    my ($run, $sleep, $line) = @_;
    my ($processes, $needed) = sleepers($run, $sleep, $line);
    my %is_sleeper = map { $_ => 1 } @$processes;
    my $claim = { name => $sleep->{call} // '', args => $sleep->{args} };
    my %is_named = map { $_ => 1 } defined $sleep->{call} ? @{ calls_named($sleep->{call}) } : ();
    my (%asleep, @others);
    for my $call (@{ $run->{trace}{calls} }) {
        last if $call->{begin} > $line->{at};
        my $process = $run->{trace}{process}{ $call->{thread} };
        next unless $call->{end} > $line->{at} and $is_sleeper{$process};
        if (defined $sleep->{call} ? $is_named{ $call->{name} } && has_arguments($call, $claim)
            : !is_for_stderr($call)) {
            $asleep{$process} = "$process is in $call->{name}($call->{args}";
        } else {
            push @others, "$process is in $call->{name}($call->{args}";
        }
    }
    return ('asleep', sort values %asleep) if $needed > 0 and keys %asleep >= $needed;
    return ('FALSE', sprintf('%d of %d sleep so: %s', scalar keys %asleep, $needed, join ' ', sort keys %asleep), @others);
}

# Which verdict a line with several claims has: the first of these.
my @WORST_FIRST = ('FALSE', 'not judged', 'asleep', 'matched', 'no system call', 'prose');

sub judge_line {
    my ($run, $line) = @_;
    my (%verdicts, @reasons);
    my @claims = claims_of($line->{text});
    if ($line->{cut} and $line->{text} =~ /^(?:\.\.\. )?(?:= |\w+\()(?!.*: |.*\) \.\.\.$)/) {
        return ('not judged', 'the line is cut');
    } elsif (my $sleep = sleep_of($line->{text})) {
        my ($verdict, @why) = judge_sleep($run, $sleep, $line);
        $verdicts{$verdict} = 1;
        push @reasons, @why;
        @claims = grep { defined $_->{result} } @claims;
    }
    for my $claim (@claims) {
        my ($verdict, @why) = judge_call($run, $claim, $line);
        $verdicts{$verdict} = 1;
        push @reasons, @why;
    }
    my ($verdict) = grep { $verdicts{$_} } @WORST_FIRST;
    return ($verdict // 'prose', @reasons);
}

# The first call that the dynamic linker has not made: it ends with giving back the list of libraries.
sub after_loader {
    my ($calls) = @_;
    return 0 unless $calls->[0]{name} eq 'execve';
    my ($cache) = grep { $calls->[$_]{args} =~ m{"/etc/ld.so.cache"} } 0 .. $#$calls;
    return 0 unless defined $cache;
    my ($last) = grep { $calls->[$_]{name} eq 'munmap' } $cache .. $#$calls;
    return defined $last ? $last + 1 : 0;
}

# What the judges need to know of a trace: the calls of each thread (by_thread), how far its story has used them up (next),
# the call that it has announced (pending); of each process where it appears first and ends (first, last), its roles, and
# whether it was born in this run.
sub prepare {
    my ($trace, @lines) = @_;
    my %run = (trace => $trace, last => $trace->{end});
    for my $call (@{ $trace->{calls} }) {
        push @{ $run{by_thread}{ $call->{thread} } }, $call;
        $run{made}{ $call->{name} } = 1;
        $run{first}{ $trace->{process}{ $call->{thread} } } //= $call->{begin};
        $run{born}{$1} = 1 if $call->{name} =~ /^(?:clone3?|v?fork)$/ and $call->{result} =~ /^(\d+)/;
    }
    $run{next}{$_} = after_loader($run{by_thread}{$_}) for keys %{ $run{by_thread} };
    $run{roles}{ $_->{process} }{ $_->{role} } = 1 for @lines;
    return \%run;
}

# ---- The report ----

sub lines_of {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    chomp(my @lines = <$in>);
    return @lines;
}

# tests/untruths: program, text of the line (or /regex/), reason.
sub read_untruths {
    my ($file) = @_;
    my @untruths;
    for (lines_of($file)) {
        next if /^#/ or /^$/;
        my ($program, $text, $reason) = split /\t/;
        my $pattern = $text =~ m{^/(.*)/$} ? qr/$1/ : qr/\Q$text\E/;
        push @untruths, { program => $program, pattern => $pattern, shown => $_, used => 0 };
    }
    return @untruths;
}

sub excuse {
    my ($program, $text, @untruths) = @_;
    my ($untruth) = grep { $_->{program} eq $program and $text =~ $_->{pattern} } @untruths;
    $untruth->{used} = 1 if $untruth;
    return $untruth;
}

# Judges one run; counts into %$count (by folder and verdict) and returns the blocks to print.
sub report_run {
    my ($work, $number, $program, $status, $command, $count, @untruths) = @_;
    my ($folder) = $program =~ m{^([^/]*)};
    my $trace    = read_trace("$work/$number/trace");
    my @lines    = story_lines($trace);
    my $run      = prepare($trace, @lines);
    my @blocks;
    for my $line (@lines) {
        my ($verdict, @reasons) = judge_line($run, $line);
        $verdict = 'excused' if $verdict =~ /FALSE|not judged/ and excuse($program, $line->{text}, @untruths);
        $count->{$folder}{$verdict}++;
        $count->{$folder}{lines}++;
        if ($ENV{VERBOSE} or $verdict eq 'FALSE' or $verdict eq 'not judged') {
            push @blocks, "$verdict: $line->{line}\n", map { "    trace: $_\n" } @reasons;
        }
    }
    if ($status != 0) {
        $count->{$folder}{FALSE}++;
        push @blocks, "the run ended with status $status:\n", map { "    $_\n" } lines_of("$work/$number/err");
    }
    return @blocks ? ("--- $program: $command\n", @blocks) : ();
}

sub print_table {
    my ($count) = @_;
    my @columns = ('lines', 'matched', 'asleep', 'no system call', 'prose', 'not judged', 'excused', 'FALSE');
    my %total = map { $_ => 0 } @columns;
    printf "%-8s %6s %8s %7s %15s %6s %11s %8s %6s\n", 'folder', @columns;
    for my $folder (sort keys %$count) {
        printf "%-8s %6d %8d %7d %15d %6d %11d %8d %6d\n", $folder, map { $count->{$folder}{$_} // 0 } @columns;
        $total{$_} += $count->{$folder}{$_} // 0 for @columns;
    }
    printf "%-8s %6d %8d %7d %15d %6d %11d %8d %6d\n", 'all', @total{@columns};
    return \%total;
}

sub main {
    my ($work, $untruths_file) = @_;
    my @untruths = read_untruths($untruths_file);
    my %partial  = map { $_ => 1 } lines_of("$work/partial");
    my %count;
    print report_run($work, (split /\t/, $_, 4), \%count, @untruths) for lines_of("$work/runs");
    my @stale = grep { not $_->{used} and not $partial{ $_->{program} } } @untruths;
    print "--- tests/untruths excuses nothing here any more: $_->{shown}\n" for @stale;
    my $total  = print_table(\%count);
    my $passed = $total->{matched} + $total->{asleep};
    my $failed = $total->{FALSE} + @stale;
    my $judged = $passed + $failed + $total->{'no system call'} + $total->{'not judged'};
    if ($judged >= SMALL and $total->{'not judged'} > MOST_UNJUDGED * $judged) {
        printf "--- not judged: more than %d %% of the lines with calls\n", 100 * MOST_UNJUDGED;
        $failed++;
    }
    printf "%d passed, %d failed\n", $passed, $failed;
    return $failed > 0 || $passed == 0;
}

exit main(@ARGV);
