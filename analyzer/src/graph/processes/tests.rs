use crate::graph::rust_tests::{callees, examined};

const MANIFEST: &str =
    "[package]\nname = \"service\"\n[[bin]]\nname = \"scorer\"\npath = \"src/score.rs\"";

#[track_caller]
fn check(files: &[(&str, &str)], caller: &str, expected: &[&str]) {
    assert_eq!(callees(&examined(files), caller), expected);
}

#[test]
fn rust_starts_scripts() {
    let main = r#"
        use std::process::Command;
        fn main() {}
        fn chained() { Command::new("python3").arg("-u").arg("scripts/train.py").arg("--fast").status().unwrap(); }
        fn in_steps() { let mut cmd = Command::new("python"); cmd.arg("train.py"); cmd.spawn().unwrap(); }
        fn listed() { Command::new("uv").args(["run", "python", "scripts/train.py"]).output().unwrap(); }
        fn module() { Command::new("python3").args(["-m", "jobs.nightly"]).output().unwrap(); }
        fn unknown(path: &str) { Command::new("python3").arg(path).status().unwrap(); }
        fn only_named() { Command::new("cat").arg("scripts/train.py").status().unwrap(); }
        async fn later() { tokio::process::Command::new("python3").arg("scripts/train.py").status().await.unwrap(); }
    "#;
    let files = [
        ("Cargo.toml", "[package]\nname = \"service\""),
        ("src/main.rs", main),
        (
            "scripts/train.py",
            "def main():\n    pass\nif __name__ == '__main__':\n    main()\n",
        ),
        ("jobs/__init__.py", ""),
        ("jobs/nightly.py", "print(1)\n"),
    ];
    for caller in ["chained", "in_steps", "listed", "later"] {
        let analysis = examined(&files);
        let found = callees(&analysis, caller);
        assert_eq!(found, ["<module>"], "{caller}");
    }
    check(&files, "module", &["<module>"]);
    check(&files, "unknown", &[]);
    check(&files, "only_named", &[]);
}

#[test]
fn python_starts_programs_and_scripts() {
    let app = "
import os, subprocess, sys
def built():
    subprocess.run(['./target/release/scorer', '--in', 'x.csv'], check=True)
def cargo():
    subprocess.check_call(['cargo', 'run', '--release', '--bin', 'scorer', '--', 'x'])
def package():
    os.system('cd core && cargo run -p service --bin service')
def shell():
    os.system('python train.py --epochs 3')
def own():
    cmd = [sys.executable, 'train.py']
    subprocess.Popen(cmd)
def text():
    subprocess.run('cd jobs; python3 train.py', shell=True)
def other():
    subprocess.run(['git', 'status'])
    subprocess.run(['ls', 'train.py'])
    subprocess.run(['cargo', 'build', '--bin', 'scorer'])
";
    let files = [
        ("Cargo.toml", MANIFEST),
        ("src/main.rs", "fn main() { serve() }\nfn serve() {}"),
        ("src/score.rs", "fn main() { score() }\nfn score() {}"),
        ("app.py", app),
        ("train.py", "print(1)\n"),
    ];
    check(&files, "built", &["main"]);
    check(&files, "cargo", &["main"]);
    check(&files, "package", &["main"]);
    for caller in ["shell", "own", "text"] {
        check(&files, caller, &["<module>"]);
    }
    check(&files, "other", &[]);
    let analysis = examined(&files);
    let name = |func| {
        let function = analysis.program.function(func);
        analysis.modules.facts(function.file).path.to_string()
    };
    let scored: Vec<String> = (analysis.call_graph.calls.iter())
        .filter(|call| name(call.caller) == "app.py" && name(call.callee) == "src/score.rs")
        .map(|call| call.line.to_string())
        .collect();
    assert_eq!(scored, ["4", "6"]);
}

#[test]
fn what_is_ambiguous_is_nothing() {
    let files = [
        (
            "app/run.py",
            "import os\ndef go():\n    os.system('python x.py')\n",
        ),
        ("a/x.py", ""),
        ("b/x.py", ""),
    ];
    check(&files, "go", &[]);
}
