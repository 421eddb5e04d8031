package checkouttest

// Card is a number a buyer types on the page of a test session.
type Card string

// The test cards, by what becomes of them.
const (
	CardPays              Card = "4242424242424242"
	CardDeclined          Card = "4000000000000002"
	CardInsufficientFunds Card = "4000000000009995"
	CardExpired           Card = "4000000000000069"
	CardIncorrectCVC      Card = "4000000000000127"
	CardProcessingError   Card = "4000000000000119"
	CardChallenge         Card = "4000002500003155" // pays, after the bank's question
	CardChallengeDeclined Card = "4000000000012213" // declined, after the bank's question
	CardPaysLater         Card = "4000000000012239" // pays 15 seconds later
	CardLosesAnswer       Card = "4000000000012247" // pays, but nobody knows until the checkout asks 5 seconds later
	NoCard                Card = ""                 // for live sessions and for orders that cost nothing
)
