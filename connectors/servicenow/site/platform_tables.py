"""The tables around the tasks: people, groups, rotas, service levels, history, choices, and the dictionary itself.

Where the product's own dictionary is public, names are taken from it; those of sys_audit, sys_audit_delete, sys_user_grmember,
cmn_rota and its like, label and label_entry are as integrators use them. The form is that of `task_tables`.
"""

from __future__ import annotations

from typing import Final

PLATFORM_TABLES: Final = """
table sys_user audited display name label User
  active boolean=true Active
  calendar_integration integer=1 Calendar integration
  city string City
  company reference:core_company Company
  country string(3) Country code
  date_format string Date format
  department reference:cmn_department Department
  email email(100) Email
  employee_number string Employee number
  failed_attempts integer Failed login attempts
  first_name string(50) First name
  internal_integration_user boolean=false Internal Integration User
  last_login_time glide_date_time Last login time
  last_name string(50) Last name
  location reference:cmn_location Location
  locked_out boolean=false Locked out
  manager reference:sys_user Manager
  mobile_phone string Mobile phone
  name string(151)! Name
  notification integer=2 Notification
  phone string Business phone
  preferred_language string Language
  roles user_roles Roles
  schedule reference:cmn_schedule Schedule
  source string(255) Source
  sys_class_name sys_class_name(80)! Class
  sys_domain domain_id! Domain
  time_format string Time format
  time_zone string Time zone
  title string(60) Title
  user_name string User ID
  user_password password(100) Password
  vip boolean=false VIP
  web_service_access_only boolean=false Web service access only
table sys_user_group audited display name label Group
  active boolean=true Active
  cost_center reference:cmn_cost_center Cost center
  default_assignee reference:sys_user Default assignee
  description string(1000) Description
  email email(100) Group email
  exclude_manager boolean=false Exclude manager
  include_members boolean=false Include members
  manager reference:sys_user Manager
  name string(80) Name
  parent reference:sys_user_group Parent
  roles user_roles(100) Roles
  source string(255) Source
  type glide_list:sys_user_group_type(1024) Type
table sys_user_grmember label Group Member
  group reference:sys_user_group Group
  scrum_role string Scrum role
  user reference:sys_user User
table sys_user_role display name label Role
  description string(1000) Description
  elevated_privilege boolean=false Elevated privilege
  name string(100) Name
table sys_user_has_role label User Role
  inherited boolean=false Inherited
  role reference:sys_user_role Role
  state string=active State
  user reference:sys_user User
table core_company display name label Company
  name string(80) Name
  vendor boolean=false Vendor
table cmn_location display name label Location
  city string City
  country string Country
  name string(100) Name
  time_zone string Time zone
table cmn_department display name label Department
  name string(100) Name
table cmdb_ci display name label Configuration Item
  assigned_to reference:sys_user Assigned to
  assignment_group reference:sys_user_group Change Group
  category string Category
  comments string(4000) Comments
  company reference:core_company Company
  install_status integer=1 Status
  location reference:cmn_location Location
  managed_by reference:sys_user Managed by
  name string(255) Name
  operational_status integer=1 Operational status
  owned_by reference:sys_user Owned by
  short_description string(1000) Description
  support_group reference:sys_user_group Support group
  sys_class_name sys_class_name(80)! Class
table cmdb_ci_service extends cmdb_ci display name label Service
  busines_criticality string Business criticality
table service_offering extends cmdb_ci_service display name label Service Offering
  parent reference:cmdb_ci_service Parent
table contract_sla display name label SLA Definition
  active boolean=true Active
  cancel_condition conditions(1000) Cancel condition
  collection table_name=incident Table
  duration glide_duration Duration
  duration_type reference:cmn_relative_duration Duration type
  name string Name
  pause_condition conditions(1000) Pause condition
  reset_action string=cancel Reset action
  reset_condition conditions(1000) Reset condition
  resume_condition conditions(1000) Resume condition
  retroactive boolean=false Retroactive start
  retroactive_pause boolean=true Retroactive pause
  schedule reference:cmn_schedule Schedule
  schedule_source string=sla_definition Schedule source
  set_start_to field_name Set start to
  start_condition conditions(1000) Start condition
  stop_condition conditions(1000) Stop condition
  target string Target
  timezone string Timezone
  timezone_source string=task.caller_id.time_zone Timezone source
  type string=SLA Type
  vendor reference:core_company Vendor
  when_to_cancel string=on_condition When to cancel
  when_to_resume string=on_condition When to resume
table task_sla label Task SLA
  active boolean=true Active
  business_duration glide_duration! Business elapsed time
  business_pause_duration glide_duration! Business pause duration
  business_percentage percent_complete! Business elapsed percentage
  business_time_left glide_duration! Business time left
  duration glide_duration! Actual elapsed time
  end_time glide_date_time! Stop time
  has_breached boolean=false! Has breached
  original_breach_time glide_date_time! Original breach time
  pause_duration glide_duration! Pause duration
  pause_time glide_date_time! Pause time
  percentage percent_complete! Actual elapsed percentage
  planned_end_time glide_date_time! Breach time
  schedule reference:cmn_schedule! Schedule
  sla reference:contract_sla! SLA definition
  stage string=in_progress! Stage
  start_time glide_date_time! Start time
  task reference:task! Task
  time_left glide_duration! Actual time left
  timezone string! Timezone
table cmn_schedule display name label Schedule
  description string(1000) Description
  name string(80) Name
  parent reference:cmn_schedule Parent
  time_zone string Time zone
  type string Type
table cmn_schedule_span display name label Schedule Entry
  all_day boolean=false All day
  days_of_week string Repeat on
  end_date_time schedule_date_time End
  float_day string Float day
  float_month string Float month
  float_week string Float week
  monthly_type string Monthly type
  name string(80) Name
  repeat_count integer=1 Repeat every
  repeat_type string Repeats
  repeat_until string Repeat until
  schedule reference:cmn_schedule Schedule
  show_as string=busy Show as
  start_date_time schedule_date_time Start
  type string=work Type
  yearly_type string Yearly type
table cmn_other_schedule label Child Schedule
  child_schedule reference:cmn_schedule Child schedule
  schedule reference:cmn_schedule Schedule
  type string=include Type
table cmn_rota display name label On-Call Schedule
  active boolean=true Active
  catch_all string=individual Catch-all
  group reference:sys_user_group Group
  name string(80) Name
  schedule reference:cmn_schedule Schedule
table cmn_rota_roster display name label Roster
  active boolean=true Active
  attempts integer=1 Number of reminders
  name string(80) Name
  order integer Order
  rota reference:cmn_rota On-Call Schedule
  rotation_interval_count integer=1 Rotation interval
  rotation_interval_type string=weekly Rotation interval type
  rotation_start_date glide_date Rotation start
  rotation_start_time string Rotation start time
  time_between_reminders glide_duration Time between reminders
table cmn_rota_member label On-Call Member
  from glide_date From
  member reference:sys_user Member
  order integer Order
  roster reference:cmn_rota_roster Roster
  rotation_schedule reference:cmn_schedule Rotation schedule
  to glide_date To
table roster_schedule_span extends cmn_schedule_span display name label Roster Schedule Entry
  group reference:sys_user_group Group
  roster reference:cmn_rota_roster Roster
  user reference:sys_user User
table sys_audit label Audit
  documentkey document_id! Document key
  fieldname string(80)! Field name
  internal_checkpoint string! Internal checkpoint
  newvalue string(4000)! New value
  oldvalue string(4000)! Old value
  reason string! Reason
  record_checkpoint integer! Update count
  tablename table_name! Table name
  user string! User
table sys_audit_delete label Deleted Record
  display_value string! Display value
  documentkey document_id! Document key
  payload string(4000)! Payload
  tablename table_name! Table name
  user string! User
table sys_journal_field label Journal Entry
  element string! Element
  element_id string! Element ID
  name string! Name
  value string(4000)! Value
table sysapproval_approver label Approval
  approver reference:sys_user Approver
  due_date glide_date_time Due date
  source_table table_name Source table
  state string=requested State
  sysapproval reference:task Approval for
table metric_instance label Metric
  calculation_complete boolean! Calculation complete
  definition reference:metric_definition! Definition
  duration glide_duration! Duration
  end glide_date_time! End
  field string! Field
  id document_id! ID
  start glide_date_time! Start
  table table_name! Table
  value string! Value
table dl_u_priority label Priority Data Lookup
  active boolean=true Active
  impact integer Impact
  order integer=100 Order
  priority integer Priority
  urgency integer Urgency
table label display name label Label
  active boolean=true Active
  global boolean=false Global
  name string Name
  owner reference:sys_user Owner
  viewable_by string=me Viewable by
table label_entry display title label Label Entry
  label reference:label Label
  read string Read
  table table_name Table
  table_key document_id Table key
  title string Title
  url string URL
table sys_attachment display file_name label Attachment
  content_type string(100) Content type
  download_link string(250) Download link
  file_name string(255) Name
  size_bytes integer Size bytes
  table_name table_name Table name
  table_sys_id string Table sys ID
table sys_choice display label label Choice
  dependent_value string Dependent value
  element string Element
  inactive boolean=false Inactive
  label string Label
  language string=en Language
  name table_name Table
  sequence integer Sequence
  value string Value
table sys_dictionary display column_label label Dictionary Entry
  active boolean=true Active
  array boolean=false Array
  audit boolean=false Audit
  choice integer Choice
  column_label string Column label
  default_value string Default value
  display boolean=false Display
  element string Column name
  internal_type reference:sys_glide_object Type
  mandatory boolean=false Mandatory
  max_length integer Max length
  name table_name Table
  read_only boolean=false Read only
  reference reference:sys_db_object Reference
  unique boolean=false Unique
table sys_db_object display label label Table
  is_extendable boolean=true Extensible
  label string Label
  name string Name
  super_class reference:sys_db_object Extends table
  ws_access boolean=true Allow access to this table via web services
table sys_glide_object display label label Field class
  label string Label
  name string Name
table sys_properties display name label System Property
  description string(1000) Description
  name string Name
  type string=string Type
  value string(4000) Value
"""
