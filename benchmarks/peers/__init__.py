"""Our backbones beside the detectors of peer libraries, in an environment of their own."""
