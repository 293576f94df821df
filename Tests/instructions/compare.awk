# Compares what was counted with the tables: awk -f compare.awk COUNTED EXPECTED BOUNDS
#
# Fails with a line for everything that does not hold.
function fail(text) { print "FAILED: " text; failures++ }
function round(x) { return int(x + (x < 0 ? -0.5 : 0.5)) }

FNR == 1 { file++ }
FNR == 2 && file <= 2 { tools[file] = substr($0, 3) }
/^#/ || NF == 0 { next }

file == 1 {
  names[++many] = $1
  instructions[$1] = $2; work[$1] = $3; unit[$1] = $4; each[$1] = $2 / $3; kernels[$1] = $6
}
file == 2 { known[$1] = 1; before[$1] = $2 / $3; beforeWork[$1] = $3; beforeKernels[$1] = $6 }
file == 3 { bound[++bounds] = $0 }

END {
  same = tools[1] == tools[2]
  printf "%-18s %13s %9s %9s %8s\n", "", "instructions", "for each", "expected", ""
  for (i = 1; i <= many; i++) {
    n = names[i]
    printf "%-18s %13d %9.3f", n, instructions[n], each[n]
    if (same && n in known)
      printf " %9.3f %+7.1f%%", before[n], 100 * (each[n] / before[n] - 1)
    print ""
  }
  if (!same) {
    print "-- expected.txt is for " tools[2]
    print "-- these are " tools[1] ": only bounds.txt is compared"
  }
  for (i = 1; same && i <= many; i++) {
    n = names[i]
    if (!(n in known)) { fail(n " is not in expected.txt: run with --update"); continue }
    if (work[n] != beforeWork[n])
      fail(n ": " work[n] " " unit[n] " instead of " beforeWork[n] \
        "; if that is meant, run with --update")
    if (each[n] > 1.05 * before[n])
      fail(sprintf("%s: %.3f instructions for each of its %s, %.1f %% more than the expected %.3f", \
        n, each[n], unit[n], 100 * (each[n] / before[n] - 1), before[n]))
    if (each[n] < 0.9 * before[n])
      print "-- " n " needs fewer than expected: run with --update, to keep it so"
    if (kernels[n] != beforeKernels[n])
      print "-- " n " runs " kernels[n] ", no longer " beforeKernels[n]
    delete known[n]
  }
  if (same) for (n in known) fail(n " is in expected.txt but was not counted: run with --update")

  for (i = 1; i <= bounds; i++) {
    fields = split(bound[i], f)
    if (!(f[1] in work) || (fields > 2 && !(f[3] in work))) {
      fail("bounds.txt, \"" bound[i] "\": there is no such workload")
    } else if (fields == 2) {
      if (each[f[1]] > f[2])
        fail(sprintf("%s: %.3f instructions for each of its %s, more than %s", f[1], each[f[1]], \
          unit[f[1]], f[2]))
    } else {
      # Of the same work whole runs are compared, otherwise each unit.
      limit = f[2] + 0
      isEach = f[4] == "each"
      percent = isEach ? 100 * each[f[1]] / each[f[3]] : 100 * instructions[f[1]] / instructions[f[3]]
      if (percent > limit)
        fail(sprintf("%s: %.1f %% of the instructions of %s%s, more than %d %%", f[1], percent, f[3], \
          isEach ? " for each of its " unit[f[1]] : "", limit))
    }
    tried++
  }
  if (!many || !tried) fail("nothing was compared")
  if (!failures) print many " workloads and " tried " bounds hold"
  exit failures > 0
}
