"""Line protocol, one POST, and a verdict on every line."""
