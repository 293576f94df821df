# Writes the table of what was counted: awk -v tools=NAMES -f join.awk CALLGRIND WORK
#
# CALLGRIND has a part for each workload, WORK the lines that count.c prints.
FNR == NR && /^desc: Trigger: Client Request: / { name = $5 }
FNR == NR && /^totals: / { instructions[name] = $2; name = "" }
FNR == NR { next }
FNR == 1 {
  print "# Instructions of the workloads of count.c; written by run.sh --update."
  print "# " tools
  printf "# %-16s %13s %11s %-10s %9s  %s\n", "workload", "instructions", "work", "unit", "for each", \
    "kernels"
}
{
  if (!(instructions[$1] > 0 && $3 > 0)) {
    print $1 ": nothing was counted" >"/dev/stderr"
    exit 1
  }
  printf "%-18s %13d %11d %-10s %9.3f  %s\n", $1, instructions[$1], $3, $2, instructions[$1] / $3, $4
}
