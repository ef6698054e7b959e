package lab

// Judge runs a plan and looks at its history as a whole.
func Judge(p *Plan) *Result {
	r := Run(p, nil)
	return r
}
