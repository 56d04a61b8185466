# Compares what Pin noted with what is there now.
enter_run
hold_pins || fail "$code" "$names"
