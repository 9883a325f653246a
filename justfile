# What CI runs.
check:
    .ci/run

# Accepts what the command-line cases print now.
accept-cases:
    TRYCMD=overwrite cargo test --test cmd
