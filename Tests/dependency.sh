#!/bin/sh
# Builds and runs a package that names this one by version, as SwiftPM's users do: dependency.sh
#
# The clone of the last commit gets a tag; the build has no unsafe flags, which SwiftPM would refuse.
set -eu
cd "$(dirname "$0")/.."
work=$PWD/build/dependency
rm -rf "$work/arcuate" "$work/user/Package.resolved"
mkdir -p "$work/user/Sources/user"
git clone -q . "$work/arcuate"
git -C "$work/arcuate" -c user.name=test -c user.email=test@localhost tag -f 900.0.0 >/dev/null
cat >"$work/user/Package.swift" <<END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "user",
  dependencies: [.package(url: "file://$work/arcuate", from: "900.0.0")],
  targets: [
    .executableTarget(name: "user", dependencies: [.product(name: "Arcuate", package: "arcuate")])
  ])
END
cat >"$work/user/Sources/user/main.swift" <<'END'
import Arcuate

let text = """
  {"input": [4], "dt_s": 0.001, "layers": [
    {"kind": "linear", "size": 40}, {"kind": "lif", "tau": 0.02}, {"kind": "linear", "size": 3}]}
  """
let model = try ModelFile.parse(Bytes(Array(text.utf8))).model
let session = try model.compile().makeSession()
let outputs = try session.run(frames: 2, [[Float](repeating: 1, count: 8)])
print("instructions \(Instructions.current.rawValue), outputs \(outputs[0])")
END
# A clone made again has other commits under the same tag, which SwiftPM's record would not allow.
rm -rf "$work/user/.build/repositories" "$work/user/.build/checkouts" \
  "$work/user/.build/workspace-state.json"
swift build --package-path "$work/user" --disable-scm-to-registry-transformation \
  --cache-path "$work/cache"
"$work/user/.build/debug/user"
