"""The version of this package, said once; setup.cfg reads it and a test holds package.xml to it."""

VERSION = "0.1.0"
