# Inside a sandbox without network: passes connections to a port of its loopback
# on to a Unix socket. It becomes the program that it is given; what passes the
# bytes is a child, which the end of the sandbox ends.
use strict;
use Socket;
my ($port, $path) = splice @ARGV, 0, 2;
socket(my $listener, PF_INET, SOCK_STREAM, 0) or die "relay: socket: $!\n";
setsockopt $listener, SOL_SOCKET, SO_REUSEADDR, 1;
bind $listener, sockaddr_in($port, INADDR_LOOPBACK) or die "relay: bind: $!\n";
listen $listener, 64 or die "relay: listen: $!\n";
my $child = fork;
defined $child or die "relay: fork: $!\n";
if ($child) {
	exec { $ARGV[0] } @ARGV or die "relay: $ARGV[0]: $!\n";
}
# Nothing of the program's streams is held open.
open STDIN, '<', '/dev/null';
open STDOUT, '>', '/dev/null';
open STDERR, '>', '/dev/null';
$SIG{CHLD} = 'IGNORE';
while (1) {
	accept my $client, $listener or next;
	my $one = fork;
	next if $one or not defined $one;
	socket(my $way, PF_UNIX, SOCK_STREAM, 0) or exit;
	connect $way, sockaddr_un($path) or exit;
	defined(my $other = fork) or exit;
	my ($from, $to) = $other ? ($client, $way) : ($way, $client);
	my $bytes;
	while (sysread $from, $bytes, 65536) {
		while (length $bytes) {
			my $n = syswrite $to, $bytes or exit;
			substr $bytes, 0, $n, '';
		}
	}
	shutdown $to, 1;
	exit;
}
