"""Running nodes in Rerun: what they publish, seen now and then, so that looking costs them little."""
