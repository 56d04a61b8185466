# Marks one apply as settled.
place_root
apply=$root/runs/$id/apply/$apply
[ ! -d "$apply" ] || mark "$apply" settled || fail cache "$apply"
