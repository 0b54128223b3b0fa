"""The computations behind the commands: `poster`, `recover`, their `inputs`, and an `example`."""
