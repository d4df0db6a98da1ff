"""Inter-content alignment: image and text tokens become one feature, by mask-then-predict."""
