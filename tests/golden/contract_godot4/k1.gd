extends G1
