"""What planners and people need of a label image: pictures, masks, free space, points, a grid, run lengths.

Pure array functions: no messages, no clocks, no state but cached projection tables.
"""
