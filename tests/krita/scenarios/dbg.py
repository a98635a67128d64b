import edit as E

check_shortcuts = E.check_shortcuts
check_end_to_end = E.check_end_to_end
check_two_instructions = E.check_two_instructions
check_selection_limits = E.check_selection_limits
check_again = E.check_again
check_mask_only = E.check_mask_only
check_history = E.check_history
check_controls = E.check_controls
