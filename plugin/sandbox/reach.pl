# Tries from inside of a sandbox what must not be in reach, and says what was.
use strict;
use Socket;
my $listener = <STDIN> + 0;
$| = 1;
alarm 20;
sub reaches {
	my ($kind, $address, $port) = @_;
	socket my $s, PF_INET, $kind, 0 or return;
	return connect $s, sockaddr_in($port, inet_aton($address));
}
sub found { print "pm-todos-network @_\n" }
found 'reached', 'a listener of the machine' if reaches(SOCK_STREAM, '127.0.0.1', $listener);
found 'reached', 'the metadata service of a cloud' if reaches(SOCK_STREAM, '169.254.169.254', 80);
found 'reached', 'a way to other machines' if reaches(SOCK_DGRAM, '192.0.2.1', 53);
socket my $s, PF_INET, SOCK_STREAM, 0;
if (connect $s, sockaddr_in(3128, INADDR_LOOPBACK)) {
	my $answer = '';
	syswrite $s, "CONNECT 127.0.0.1:$listener HTTP/1.1\r\n\r\n";
	sysread $s, $answer, 99;
	found 'reached', 'a listener of the machine by the proxy' if $answer =~ / 200 /;
	found 'proxy' if $answer =~ / 403 /;
}
found 'done';
