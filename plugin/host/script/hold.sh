# Compares what the run noted at its start with what is there now.
enter_run
hold_pins || fail "$code" "$names"
