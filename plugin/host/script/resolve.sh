# Tells the addresses that $name has for this machine. What cannot be found, and a
# machine without getent, has none.
for address in $(getent ahosts "$name" 2>/dev/null | awk '!seen[$1]++ { print $1 }' | head -n 16); do
	say address "$address"
done
say resolved 1
