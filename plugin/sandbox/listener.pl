use strict;
use Socket;
$| = 1;
alarm 60;
socket my $listener, PF_INET, SOCK_STREAM, 0 or exit 1;
bind $listener, sockaddr_in(0, INADDR_LOOPBACK) or exit 1;
listen $listener, 5 or exit 1;
print((sockaddr_in(getsockname $listener))[0], "\n");
accept my $client, $listener and print "reached\n";
