"""The task tables of the base system: task and what extends it.

Column names, types, defaults and labels are those of the product's dictionary (`sys_dictionary`); columns of plug-ins are left
out. A line is a column: name, type (with the table that it refers to), `=` its default, `!` where only rules write it, label.
"""

from __future__ import annotations

from typing import Final

TASK_TABLES: Final = """
table task prefix TASK label Task
  active boolean=true Active
  activity_due due_date Activity due
  additional_assignee_list glide_list:sys_user Additional assignee list
  approval string=not+requested Approval
  approval_history journal(4000) Approval history
  approval_set glide_date_time Approval set
  assigned_to reference:sys_user Assigned to
  assignment_group reference:sys_user_group Assignment group
  business_duration glide_duration! Business duration
  business_service reference:cmdb_ci_service Service
  calendar_duration glide_duration! Duration
  close_notes string(4000) Close notes
  closed_at glide_date_time Closed
  closed_by reference:sys_user Closed by
  cmdb_ci reference:cmdb_ci Configuration item
  comments journal_input(4000) Additional comments
  comments_and_work_notes journal_list(4000) Comments and Work notes
  company reference:core_company Company
  contact_type string Contact type
  correlation_display string(100) Correlation display
  correlation_id string(100) Correlation ID
  description string(4000) Description
  due_date glide_date_time Due date
  escalation integer=0! Escalation
  expected_start glide_date_time Expected start
  follow_up glide_date_time Follow up
  group_list glide_list:sys_user_group Group list
  impact integer=3 Impact
  knowledge boolean=false Knowledge
  location reference:cmn_location Location
  made_sla boolean=true Made SLA
  number string Number
  opened_at glide_date_time Opened
  opened_by reference:sys_user Opened by
  order integer Order
  parent reference:task Parent
  priority integer=4 Priority
  reassignment_count integer=0 Reassignment count
  route_reason integer! Transfer reason
  service_offering reference:service_offering Service offering
  short_description string(160) Short description
  sla_due due_date SLA due
  state integer=1 State
  sys_class_name sys_class_name(80) Task type
  sys_domain domain_id=global Domain
  sys_domain_path domain_path=/ Domain Path
  task_effective_number string! Effective number
  time_worked timer Time worked
  upon_approval string=proceed Upon approval
  upon_reject string=cancel Upon reject
  urgency integer=3 Urgency
  watch_list glide_list:sys_user Watch list
  work_end glide_date_time Actual end
  work_notes journal_input(4000) Work notes
  work_notes_list glide_list:sys_user Work notes list
  work_start glide_date_time Actual start
table incident extends task prefix INC audited label Incident
  business_impact string(4000) Business impact
  business_stc integer! Business resolve time
  calendar_stc integer! Resolve time
  caller_id reference:sys_user Caller
  category string=inquiry Category
  cause string(4000) Probable cause
  caused_by reference:change_request Caused by Change
  child_incidents integer=0 Child Incidents
  close_code string Resolution code
  hold_reason integer On hold reason
  incident_state integer=1 Incident state
  notify integer=1 Notify
  parent_incident reference:incident Parent Incident
  problem_id reference:problem Problem
  reopen_count integer=0 Reopen count
  reopened_by reference:sys_user! Last reopened by
  reopened_time glide_date_time! Last reopened at
  resolved_at glide_date_time Resolved
  resolved_by reference:sys_user Resolved by
  rfc reference:change_request Change Request
  severity integer=3 Severity
  subcategory string Subcategory
table problem extends task prefix PRB audited label Problem
  category string Category
  cause_notes html Cause notes
  confirmed_at glide_date_time! Confirmed
  confirmed_by reference:sys_user! Confirmed by
  duplicate_of reference:problem Duplicate of
  first_reported_by_task reference:task Origin task
  fix_at glide_date_time! Fix
  fix_by reference:sys_user! Fix by
  fix_communicated_at glide_date_time! Fix communicated
  fix_communicated_by reference:sys_user! Fix communicated by
  fix_notes html Fix notes
  known_error boolean Known error
  major_problem boolean=false Major problem
  problem_state integer=1 Problem state
  related_incidents integer=0 Related Incidents
  reopen_count integer=0! Reopen count
  reopened_at glide_date_time! Last reopened at
  reopened_by reference:sys_user! Last reopened by
  resolution_code string! Resolution code
  resolved_at glide_date_time! Resolved
  resolved_by reference:sys_user! Resolved by
  review_outcome string(4000) Major problem review notes
  rfc reference:change_request Change request
  subcategory string Subcategory
  workaround html Workaround
  workaround_applied boolean=false Workaround applied
  workaround_communicated_at glide_date_time! Workaround communicated
  workaround_communicated_by reference:sys_user! Workaround communicated by
table change_request extends task prefix CHG audited label Change Request
  backout_plan string(4000) Backout plan
  cab_date glide_date CAB date
  cab_date_time glide_date_time CAB date/time
  cab_delegate reference:sys_user CAB delegate
  cab_recommendation string(4000) CAB recommendation
  cab_required boolean=false CAB required
  category string=other Category
  change_plan string(4000) Change plan
  close_code string Close code
  conflict_last_run glide_date_time! Conflict last run
  conflict_status string=Not+Run! Conflict status
  copied_from reference:change_request Copied from
  end_date glide_date_time Planned end date
  implementation_plan string(4000) Implementation plan
  justification string(4000) Justification
  on_hold boolean=false On hold
  on_hold_reason string(4000) On hold reason
  on_hold_task glide_list:change_task On Hold Change Tasks
  outside_maintenance_schedule boolean Outside maintenance schedule
  phase string=requested Phase
  phase_state string=open Phase state
  production_system boolean Production system
  reason string Reason
  requested_by reference:sys_user Requested by
  requested_by_date glide_date_time Requested by date
  review_comments string(4000) Review comments
  review_date glide_date Review date
  review_status integer Review status
  risk integer Risk
  risk_impact_analysis string(4000) Risk and impact analysis
  scope integer=3 Scope
  start_date glide_date_time Planned start date
  test_plan string(4000) Test plan
  type string Type
  unauthorized boolean Unauthorized
table sc_task extends task prefix SCTASK audited label Catalog Task
  calendar_stc integer Resolve Time
  cat_item reference:sc_cat_item! Item
  request reference:sc_request! Request
  request_item reference:sc_req_item Request item
  sc_catalog reference:sc_catalog! Catalog
table sc_request extends task prefix REQ audited label Request
  calendar_stc integer Resolve Time
  delivery_address string(4000) Delivery address
  parent_interaction reference:interaction Parent interaction
  price currency(20)! Price
  request_state string=requested Request state
  requested_date glide_date Requested for date
  requested_for reference:sys_user Requested for
  special_instructions string(4000) Special instructions
  stage workflow(80)=requested Stage
table sc_req_item extends task prefix RITM label Requested Item
  backordered boolean Backordered
  billable boolean Billable
  cat_item reference:sc_cat_item Item
  configuration_item reference:cmdb_ci Configuration item
  estimated_delivery glide_date_time Estimated delivery
  price string Price
  quantity integer=1 Quantity
  recurring_frequency string Recurring Price Frequency
  recurring_price string=0 Recurring Price
  request reference:sc_request Request
  requested_for reference:sys_user Requested for
  sc_catalog reference:sc_catalog Catalog
  stage string=waiting_for_approval Stage
"""
