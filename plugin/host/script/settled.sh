# Marks one apply as settled.
place_root
apply=$root/runs/$id/apply/$apply
[ ! -d "$apply" ] || store "$apply" settled "$(date -u +%Y-%m-%dT%H:%M:%SZ)" || fail cache "$apply"
